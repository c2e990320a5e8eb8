"""The account of the key."""

from portal.sandbox.ledger import Document
from portal.sandbox.operations import Call, operation


@operation("GET", "/v1/account")
def retrieve(call: Call) -> Document:
    """Who the API key belongs to."""
    row = call.ledger.connection.execute("SELECT * FROM accounts WHERE id = ?", (call.ledger.account,)).fetchone()
    return {
        "id": row["id"],
        "object": "account",
        "business_profile": {"name": "Sandbox", "support_email": None, "support_phone": None, "support_url": None},
        "charges_enabled": True,
        "country": "US",
        "created": row["created"],
        "default_currency": "usd",
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "type": "standard",
    }
