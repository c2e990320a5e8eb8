"""Ways to Checkout that begin at Stripe: payment links, and a page like a pricing table or a buy button.

What such a page sells carries no metadata of ours: all that comes along is `client_reference_id` from the address.
"""

import re
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request
from werkzeug.wrappers import Response

from portal.sandbox.engine import checkout
from portal.sandbox.errors import StripeError
from portal.sandbox.hosted import shown
from portal.sandbox.hosted.doors import gone
from portal.sandbox.journal import API_VERSION, written
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.params import EMAIL

bp = Blueprint("shops", __name__)
REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)


@bp.get("/b/<code>")
def link(code: str) -> Any:
    """A payment link: each visit begins a session of its own."""
    sandbox = current_app.extensions["sandbox"]
    with sandbox.store.transaction() as connection:
        row = connection.execute(
            "SELECT account, id FROM objects WHERE kind = 'payment_link' AND json_extract(body, '$.url') = ?",
            (f"{sandbox.public_url}/b/{code}",),
        ).fetchone()
        if row is None:
            return gone()
        with written(Ledger(connection, row["account"], sandbox.clock(), sandbox.public_url)) as ledger:
            found = ledger.get("payment_link", row["id"], "payment_link")
            if not found["active"] or _is_sold_out(ledger, found):
                return render_template("sandbox/closed.html", message=found["inactive_message"]), 410
            return redirect(_begin_from(ledger, found)["url"], 303)


def _is_sold_out(ledger: Ledger, found: Document) -> bool:
    if not found["restrictions"]:
        return False
    done = ledger.all("checkout.session", payment_link=found["id"], status="complete")
    return len(done) >= found["restrictions"]["completed_sessions"]["limit"]


def _begin_from(ledger: Ledger, found: Document) -> Document:
    after = found["after_completion"]
    mode = found["_more"]["mode"]
    data = {name: found[name] for name in ("invoice_creation", "payment_intent_data", "subscription_data")}
    wanted = {
        **{name: value for name, value in data.items() if value},
        "line_items": [{"price": item["price"], "quantity": item["quantity"]} for item in found["_more"]["items"]],
        "metadata": found["metadata"],
        "mode": mode,
        "success_url": (after.get("redirect") or {}).get("url"),
    }
    if mode == "payment":
        wanted["customer_creation"] = found["customer_creation"]
    message = (after.get("hosted_confirmation") or {}).get("custom_message")
    return _begin(ledger, wanted, payment_link=found["id"], message=message)


def _begin(ledger: Ledger, wanted: dict[str, Any], *, message: str | None = None, **more: Any) -> Document:
    """A session with what the address brings along. A reference with other signs in it is dropped without a word."""
    reference = request.args.get("client_reference_id") or request.args.get("client-reference-id") or ""
    wanted["client_reference_id"] = reference if REFERENCE.fullmatch(reference) else None
    email = request.args.get("customer_email", "")
    wanted["customer_email"] = email if EMAIL.fullmatch(email) else None
    session = checkout.create(ledger, wanted, API_VERSION, **({"payment_link": None} | more))
    kept = session["_more"] | {"message": message, "prefilled_email": request.args.get("prefilled_email", "")[:512]}
    return ledger.save(session | {"_more": kept}, session["expires_at"])


@bp.route("/pricing/<account>", methods=["GET", "POST"])
def pricing(account: str) -> Any:
    """Everything the account sells, as a pricing table shows it. Query: client_reference_id, customer_email."""
    sandbox = current_app.extensions["sandbox"]
    with sandbox.store.transaction() as connection:
        if connection.execute("SELECT 1 FROM accounts WHERE id = ?", (account,)).fetchone() is None:
            return gone()
        with written(Ledger(connection, account, sandbox.clock(), sandbox.public_url)) as ledger:
            if request.method == "POST":
                return _buy(ledger, request.form.get("price", ""))
            prices = [price for price in ledger.all("price", active=True) if _is_sold(ledger, price)]
            offers = [(shown.product_name(ledger, price), price) for price in prices]
    return render_template("sandbox/pricing.html", offers=offers)


def _is_sold(ledger: Ledger, price: Document) -> bool:
    return bool((ledger.find("product", price["product"]) or {}).get("active"))


def _buy(ledger: Ledger, price_id: str) -> Response | tuple[str, int]:
    price = ledger.find("price", price_id)
    if price is None:
        return gone()
    wanted = {
        "line_items": [{"price": price_id, "quantity": 1}],
        "mode": "subscription" if price["recurring"] else "payment",
    }
    try:
        return redirect(_begin(ledger, wanted)["url"], 303)
    except StripeError:
        return gone()
