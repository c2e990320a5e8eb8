"""What people outside do to one object: payers, banks, operators. Used by the accidents page and its JSON API."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from portal.sandbox.engine import completing, refunding
from portal.sandbox.errors import StripeError
from portal.sandbox.journal import written
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.webhooks import schedule

if TYPE_CHECKING:
    from portal.sandbox import Sandbox

Given = dict[str, Any]


def do(sandbox: "Sandbox", deed: str, id_: str, given: Given) -> Document:
    """Do the deed to the object with this id, whosever it is; returns the object it made or changed.

    Raises StripeError when there is no such deed or object, or the object is in the wrong state.
    """
    if deed not in DEEDS:
        raise StripeError(f"No such deed: {deed}. There are: {', '.join(DEEDS)}.", status=404)
    kind, act = DEEDS[deed]
    with sandbox.store.transaction() as connection:
        row = connection.execute("SELECT account FROM objects WHERE id = ? AND kind = ?", (id_, kind)).fetchone()
        if row is None:
            raise StripeError(f"No such {kind}: '{id_}'", status=404)
        with written(Ledger(connection, row["account"], sandbox.clock(), sandbox.public_url)) as ledger:
            found = act(ledger, ledger.get(kind, id_, "id"), given)
    return {name: value for name, value in found.items() if name != "_more"}


def _pay(ledger: Ledger, session: Document, given: Given) -> Document:
    if session["status"] != "open":
        raise StripeError(f"This session is {session['status']}.", status=409)
    customer = ledger.find("customer", session["customer"] or "") or {}
    email = session["customer_email"] or customer.get("email") or given.get("email") or "payer@example.com"
    payer = completing.Payer(email, given.get("name", ""), given.get("means", "pm_card_visa"))
    return completing.complete(ledger, session, payer)


def _settle(ledger: Ledger, session: Document, given: Given) -> Document:
    if session["status"] != "complete" or session["payment_status"] != "unpaid":
        raise StripeError("This session does not wait for a bank.", status=409)
    completing.answer(ledger, session, paid=bool(given.get("paid", True)))
    return ledger.get("checkout.session", session["id"], "id")


def _refund(ledger: Ledger, charge: Document, given: Given) -> Document:
    return refunding.refund(ledger, charge, given.get("amount"), reason="requested_by_customer")


def _dispute(ledger: Ledger, charge: Document, given: Given) -> Document:
    return refunding.dispute(ledger, charge, given.get("reason", "fraudulent"))


def _resend(ledger: Ledger, event: Document, given: Given) -> Document:
    for endpoint in ledger.all("webhook_endpoint", status="enabled"):
        schedule.add(ledger, event["id"], endpoint["id"])
    return event


def _fail(ledger: Ledger, refund: Document, given: Given) -> Document:
    if refund["status"] == "failed":
        raise StripeError("This refund has failed already.", status=409)
    return refunding.fail(ledger, refund)


# deed: the kind of object it is done to, and how
DEEDS: dict[str, tuple[str, Callable[[Ledger, Document, Given], Document]]] = {
    "pay": ("checkout.session", _pay),
    "settle": ("checkout.session", _settle),
    "refund": ("charge", _refund),
    "dispute": ("charge", _dispute),
    "win": ("dispute", lambda ledger, found, given: refunding.close_dispute(ledger, found, won=True)),
    "lose": ("dispute", lambda ledger, found, given: refunding.close_dispute(ledger, found, won=False)),
    "fail_refund": ("refund", _fail),
    "disable": ("webhook_endpoint", lambda ledger, found, given: ledger.save(found | {"status": "disabled"})),
    "enable": ("webhook_endpoint", lambda ledger, found, given: ledger.save(found | {"status": "enabled"})),
    "resend": ("event", _resend),
}
