"""What happens when somebody pays at Checkout: customer, payment, subscription, invoice. In this order since basil."""

from dataclasses import dataclass, replace

from portal.sandbox import journal
from portal.sandbox.engine import billed, cards, due, invoicing, paying, subscribing
from portal.sandbox.engine.checkout import expire
from portal.sandbox.engine.customers import new_customer
from portal.sandbox.errors import card_declined
from portal.sandbox.ledger import Document, Ledger

BANK_DAYS = 3
DAY = 86_400
PAY_LATER, FAIL_LATER = "bank_pays_later", "bank_refuses_later"


@dataclass(frozen=True)
class Payer:
    """What the visitor typed. means: a test card's name, or that a bank will answer in some days."""

    email: str
    name: str
    means: str

    @property
    def is_later(self) -> bool:
        """Whether the money comes later, if it comes."""
        return self.means in (PAY_LATER, FAIL_LATER)


def complete(ledger: Ledger, session: Document, payer: Payer) -> Document:
    """Pay an open session. Raises StripeError (402) when the card is refused; undo everything then."""
    customer = _customer(ledger, session, payer)
    if customer:
        payer = replace(payer, email=customer["email"] or payer.email, name=payer.name or customer["name"] or "")
    method = _method(ledger, customer, payer)
    pay = _subscribe if session["mode"] == "subscription" else _pay_once
    session = pay(ledger, session | {"customer": customer and customer["id"]}, customer, method, payer)
    _count(ledger, session["payment_link"])
    is_waiting = payer.is_later and session["payment_status"] == "unpaid"
    details = dict.fromkeys(("address", "business_name", "individual_name", "phone"))
    return ledger.save(
        session
        | {
            "customer_details": details
            | {"email": payer.email or None, "name": payer.name or None, "tax_exempt": "none", "tax_ids": []},
            "status": "complete",
            "url": None,
        },
        ledger.now + BANK_DAYS * DAY if is_waiting else None,
    )


def _count(ledger: Ledger, payment_link: str | None) -> None:
    """One more sale through this link, where it counts them."""
    link = ledger.find("payment_link", payment_link or "")
    if link and link["restrictions"]:
        limit = link["restrictions"]["completed_sessions"]
        ledger.save(link | {"restrictions": {"completed_sessions": limit | {"count": limit["count"] + 1}}})


def step(ledger: Ledger, session: Document) -> None:
    """Time has come: an open session expires; a bank answers."""
    if session["status"] == "open":
        expire(ledger, session)
    elif session["status"] == "complete" and session["payment_status"] == "unpaid":
        answer(ledger, session, paid=session["_more"]["means"] == PAY_LATER)


def answer(ledger: Ledger, session: Document, *, paid: bool) -> None:
    """The bank pays or refuses what was left to it. An invoice that was paid otherwise meanwhile stays as it is."""
    intent = ledger.get("payment_intent", session["_more"]["payment_intent"], "payment_intent")
    paying.decide(ledger, intent, paid=paid)
    invoice = ledger.find("invoice", session["invoice"] or "")
    subscription = ledger.find("subscription", session["subscription"] or "")
    is_settled = invoice is not None and invoice["status"] == "paid"
    if not paid:
        if invoice:
            ledger.save(invoice | {"attempted": True, "attempt_count": invoice["attempt_count"] + 1})
        if subscription and not is_settled:
            refused = {"active": "past_due"}.get(subscription["status"], subscription["status"])
            due.save(ledger, subscription | {"status": refused})
        ledger.save(session)
        journal.add_event(ledger, "checkout.session.async_payment_failed", journal.shown(ledger, session))
        return
    if invoice and not is_settled:
        invoicing.mark_paid(ledger, invoice)
    if subscription:
        invoicing.revive(ledger, subscription)
    ledger.save(session | {"payment_status": "paid"})


def _customer(ledger: Ledger, session: Document, payer: Payer) -> Document | None:
    if session["customer"]:
        return ledger.get("customer", session["customer"], "customer")
    if session["customer_creation"] != "always":
        return None
    return new_customer(ledger, {"email": payer.email or None, "name": payer.name or None})


def _method(ledger: Ledger, customer: Document | None, payer: Payer) -> Document:
    details = {"email": payer.email or None, "name": payer.name or None}
    if payer.is_later:
        method = cards.new_bank_account(ledger, details, pays=payer.means == PAY_LATER)
    else:
        method = cards.new_method(ledger, cards.TEST_CARDS[payer.means], details)
    if customer:
        return cards.attach(ledger, method["id"], customer["id"])
    if not cards.charge(method) and not payer.is_later:
        raise card_declined()
    return method


def _subscribe(
    ledger: Ledger, session: Document, customer: Document | None, method: Document, payer: Payer
) -> Document:
    kept = session["_more"]
    prices = [ledger.get("price", item["price"], "price") for item in kept["items"]]
    sold = list(zip(kept["items"], prices, strict=True))
    wanted = [{"price": item["price"], "quantity": item["quantity"]} for item, price in sold if price["recurring"]]
    once = [billed.line_once(item, price, ledger.now) for item, price in sold if not price["recurring"]]
    params = kept["subscription_data"] | {
        "customer": session["customer"],
        "default_payment_method": method["id"],
        "items": wanted,
        "payment_behavior": "processing" if payer.is_later else "error_if_incomplete",
    }
    recurring = [price for price in prices if price["recurring"]]
    subscription = subscribing.begin(ledger, params, kept["version"], recurring, once)
    invoice = ledger.get("invoice", subscription["latest_invoice"], "invoice")
    payment = paying.payment_of(ledger, invoice)
    status = "paid" if invoice["status"] == "paid" else "unpaid"
    return session | {
        "invoice": invoice["id"],
        "payment_status": status if invoice["amount_due"] else "no_payment_required",
        "subscription": subscription["id"],
        "_more": kept | {"means": payer.means, "payment_intent": payment and payment["payment"]["payment_intent"]},
    }


def _pay_once(ledger: Ledger, session: Document, customer: Document | None, method: Document, payer: Payer) -> Document:
    kept = session["_more"]
    data = kept["payment_intent_data"]
    amount = session["amount_total"]
    if not amount:
        return session | {"payment_status": "no_payment_required"}
    intent = paying.new_intent(
        ledger,
        amount,
        session["currency"],
        session["customer"],
        description=data.get("description"),
        metadata={key: value for key, value in (data.get("metadata") or {}).items() if value},
    )
    intent = paying.attempt(ledger, intent, method, later=payer.is_later)
    if intent["status"] == "requires_payment_method":
        raise card_declined()
    invoice = _invoice(ledger, session, customer, intent) if session["invoice_creation"]["enabled"] else None
    return session | {
        "invoice": invoice and invoice["id"],
        "payment_intent": intent["id"],
        "payment_status": "paid" if intent["status"] == "succeeded" else "unpaid",
        "_more": kept | {"means": payer.means, "payment_intent": intent["id"]},
    }


def _invoice(ledger: Ledger, session: Document, customer: Document | None, intent: Document) -> Document | None:
    """The invoice that Checkout writes for a single payment; paid when the payment is."""
    if customer is None:
        return None
    metadata = session["invoice_creation"]["invoice_data"]["metadata"] or {}
    terms: Document = {
        "collection_method": "charge_automatically",
        "currency": session["currency"],
        "days_until_due": None,
        "metadata": metadata,
    }
    lines = [
        billed.line_once(item, ledger.get("price", item["price"], "price"), ledger.now)
        for item in session["_more"]["items"]
    ]
    invoice = invoicing.issue_to(
        ledger, ledger.get("customer", customer["id"], "customer"), terms, lines, "manual", metadata=metadata
    )
    paying.link_to_invoice(ledger, invoice, intent)
    if intent["status"] == "succeeded":
        invoicing.mark_paid(ledger, invoice | {"attempt_count": 1})
    return invoice
