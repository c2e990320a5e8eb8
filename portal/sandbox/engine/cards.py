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
    if method["card"]["last4"] == DECLINED_AT_ONCE:
        raise card_declined()
    return ledger.save(method | {"customer": customer_id})


def charge(method: Document | None) -> bool:
    """Whether this payment method pays."""
    return method is not None and method["card"]["last4"] not in (DECLINED_AT_ONCE, DECLINED_WHEN_CHARGED)


def paying_method(ledger: Ledger, customer: Document, preferred: str | None = None) -> Document | None:
    """What is charged: the preferred payment method, else the customer's default."""
    chosen = preferred or customer["invoice_settings"]["default_payment_method"]
    method = ledger.find("payment_method", chosen) if chosen else None
    return method if method and method["customer"] == customer["id"] else None
