"""Who holds a portal link may enter: sessions of the billing portal, their tokens and their short life."""

from dataclasses import dataclass
from typing import Any

from portal.sandbox import ids
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.store import digest

UNUSED_SECONDS = 5 * 60
IDLE_SECONDS = 60 * 60
LONGEST_SECONDS = 2 * 60 * 60


@dataclass(frozen=True)
class Visit:
    """An open session: whose it is and what it may do. by_login: entered through the login page."""

    token: str
    ledger: Ledger
    session: Document
    customer: Document
    configuration: Document
    by_login: bool

    @property
    def features(self) -> Document:
        """What the configuration allows."""
        return dict(self.configuration["features"])

    @property
    def flow(self) -> Document | None:
        """The one task this session was opened for, if any."""
        return self.session["flow"]

    @property
    def return_url(self) -> str | None:
        """Where the visitor came from."""
        return self.session["return_url"] or self.configuration["default_return_url"]


def open_session(
    ledger: Ledger, customer: Document, configuration: Document, *, by_login: bool = False, **given: Any
) -> Document:
    """Make a session; its `url` is the only place where the token stands."""
    token = f"test_{ids.random_text(60)}"
    session = ledger.add(
        "billing_portal.session",
        {
            "configuration": configuration["id"],
            "customer": customer["id"],
            "flow": given.get("flow"),
            "livemode": False,
            "locale": given.get("locale"),
            "on_behalf_of": None,
            "return_url": given.get("return_url"),
        },
    )
    ledger.connection.execute(
        "INSERT INTO portal_tokens (token_hash, account, session, by_login, created) VALUES (?, ?, ?, ?, ?)",
        (digest(token), ledger.account, session["id"], by_login, ledger.now),
    )
    return session | {"url": f"{ledger.public_url}/p/session/{token}"}


def enter(connection: Any, token: str, now: int, public_url: str) -> Visit | None:
    """The session of this token, which is thereby in use; None when it is unknown or over."""
    row = connection.execute("SELECT * FROM portal_tokens WHERE token_hash = ?", (digest(token),)).fetchone()
    if row is None or now - row["created"] >= LONGEST_SECONDS:
        return None
    allowed = UNUSED_SECONDS if row["used_at"] is None else IDLE_SECONDS
    if now - (row["used_at"] or row["created"]) >= allowed:
        return None
    connection.execute("UPDATE portal_tokens SET used_at = ? WHERE token_hash = ?", (now, digest(token)))
    ledger = Ledger(connection, row["account"], now, public_url)
    session = ledger.find("billing_portal.session", row["session"])
    customer = session and ledger.find("customer", session["customer"])
    configuration = session and ledger.find("billing_portal.configuration", session["configuration"])
    if not session or not configuration or not customer or customer.get("deleted"):
        return None
    return Visit(token, ledger, session, customer, configuration, bool(row["by_login"]))
