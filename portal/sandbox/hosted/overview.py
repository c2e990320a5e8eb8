"""For the curious: what is in the sandbox, the mails it would have sent."""

import json
from typing import Any

from flask import Blueprint, current_app, render_template, request

from portal.sandbox.engine import renewing

bp = Blueprint("overview", __name__)

SHOWN = 100


@bp.get("/")
def index() -> str:
    """Accounts with their newest customers and subscriptions."""
    sandbox = current_app.extensions["sandbox"]
    renewing.catch_up(sandbox.store, sandbox.clock(), sandbox.public_url)
    with sandbox.store.transaction(write=False) as connection:
        accounts = [
            {
                "id": row["id"],
                "key": row["key_hint"],
                "customers": _newest(connection, row["id"], "customer"),
                "subscriptions": _newest(connection, row["id"], "subscription"),
            }
            for row in connection.execute("SELECT * FROM accounts ORDER BY created DESC LIMIT 20")
        ]
    return render_template("sandbox/overview.html", accounts=accounts)


def _newest(connection: Any, account: str, kind: str) -> list[Any]:
    rows = connection.execute(
        "SELECT body FROM objects WHERE account = ? AND kind = ? AND json_extract(body, '$.deleted') IS NULL "
        "ORDER BY position DESC LIMIT ?",
        (account, kind, SHOWN),
    )
    return [json.loads(row["body"]) for row in rows]


@bp.get("/mail")
def mailbox() -> str:
    """The passcodes that Stripe would have mailed; nothing leaves the sandbox."""
    sandbox = current_app.extensions["sandbox"]
    recipient = request.args.get("to", "")[:512]
    with sandbox.store.transaction(write=False) as connection:
        mails = connection.execute(
            "SELECT * FROM mails WHERE ? IN ('', recipient) ORDER BY position DESC LIMIT 50", (recipient,)
        ).fetchall()
    return render_template("sandbox/mailbox.html", mails=mails, recipient=recipient)
