"""Stripe's test cards: who pays, who declines at once, who declines only when charged."""

from dataclasses import dataclass

from portal.sandbox import ids
from portal.sandbox.errors import StripeError, card_declined, missing
from portal.sandbox.ledger import Document, Ledger


@dataclass(frozen=True)
class TestCard:
    """A card that Stripe documents for testing."""

    number: str
    brand: str
    label: str

    @property
    def last4(self) -> str:
        """The digits that are shown."""
        return self.number[-4:]


# Stripe's ready-made payment methods; each use makes a payment method of its own.
TEST_CARDS = {
    "pm_card_visa": TestCard("4242424242424242", "visa", "Visa that pays"),
    "pm_card_mastercard": TestCard("5555555555554444", "mastercard", "Mastercard that pays"),
    "pm_card_amex": TestCard("378282246310005", "amex", "American Express that pays"),
    "pm_card_chargeCustomerFail": TestCard("4000000000000341", "visa", "Visa that is taken, but declines when charged"),
    "pm_card_chargeDeclined": TestCard("4000000000000002", "visa", "Visa that is declined at once"),
}
BY_NUMBER = {card.number: card for card in TEST_CARDS.values()}
BY_TOKEN = {"tok_" + name.removeprefix("pm_card_"): card for name, card in TEST_CARDS.items()}
DECLINED_AT_ONCE = "0002"
DECLINED_WHEN_CHARGED = "0341"
BANK_THAT_PAYS = "3000"
BANK_THAT_REFUSES = "3001"

NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def new_method(ledger: Ledger, card: TestCard, billing_details: Document | None = None, **more: object) -> Document:
    """A payment method for this card, not yet attached."""
    details = {"address": NO_ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}
    given = dict(billing_details or {})
    given["address"] = NO_ADDRESS | (given.get("address") or {})
    return ledger.add(
        "payment_method",
        {
            "allow_redisplay": "unspecified",
            "billing_details": details | given,
            "card": {
                "brand": card.brand,
                "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
                "country": "US",
                "display_brand": card.brand,
                "exp_month": 12,
                "exp_year": 2034,
                "fingerprint": ids.random_text(16),
                "funding": "credit",
                "generated_from": None,
                "last4": card.last4,
                "networks": {"available": [card.brand], "preferred": None},
                "regulated_status": "unregulated",
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "customer": None,
            "livemode": False,
            "metadata": {},
            "type": "card",
            **more,
        },
    )


def attach(ledger: Ledger, name: str, customer_id: str, param: str = "payment_method") -> Document:
    """Give the customer this payment method, or a new one of a ready-made test card. Raises StripeError (402)."""
    method = ledger.find("payment_method", name)
    if method is None:
        if name not in TEST_CARDS:
            raise missing("payment_method", name, param=param)
        method = new_method(ledger, TEST_CARDS[name])
    if method["customer"] not in (None, customer_id):
        raise StripeError("The payment method you provided has already been attached to a customer.", param=param)
    if last4(method) == DECLINED_AT_ONCE:
        raise card_declined()
    return ledger.save(method | {"customer": customer_id})


def last4(method: Document) -> str:
    """The digits of a card or bank account that are shown."""
    return str(method[method["type"]]["last4"])


def charge(method: Document | None) -> bool:
    """Whether this payment method pays."""
    return method is not None and last4(method) not in (DECLINED_AT_ONCE, DECLINED_WHEN_CHARGED, BANK_THAT_REFUSES)


def new_bank_account(ledger: Ledger, billing_details: Document, *, pays: bool) -> Document:
    """A bank account for direct debit: the bank answers some days later, with yes or no."""
    card = new_method(ledger, TEST_CARDS["pm_card_visa"], billing_details)
    account = {
        "bank_code": "37040044",
        "branch_code": "",
        "country": "DE",
        "fingerprint": ids.random_text(16),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": BANK_THAT_PAYS if pays else BANK_THAT_REFUSES,
    }
    kept = {name: value for name, value in card.items() if name != "card"}
    return ledger.save(kept | {"sepa_debit": account, "type": "sepa_debit"})


def details_of(method: Document) -> Document:
    """A payment method as a charge quotes it."""
    if method["type"] == "sepa_debit":
        shown = {name: value for name, value in method["sepa_debit"].items() if name != "generated_from"}
        return {"sepa_debit": shown | {"mandate": None}, "type": "sepa_debit"}
    names = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "regulated_status")
    card = {name: method["card"].get(name) for name in names}
    nothing = dict.fromkeys(("installments", "mandate", "three_d_secure", "wallet"))
    return {"card": card | nothing | {"checks": method["card"]["checks"], "network": card["brand"]}, "type": "card"}


def paying_method(ledger: Ledger, customer: Document, preferred: str | None = None) -> Document | None:
    """What is charged: the preferred payment method, else the customer's default."""
    chosen = preferred or customer["invoice_settings"]["default_payment_method"]
    method = ledger.find("payment_method", chosen) if chosen else None
    return method if method and method["customer"] == customer["id"] else None
