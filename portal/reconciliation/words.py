"""The classes of the reconciliation desk in words: name, meaning, what is proposed; and the names of evidence."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _


@dataclass(frozen=True)
class Words:
    """A class in words. kind of badge: danger, warning or info."""

    name: str
    meaning: str
    proposal: str
    badge: str


def of(kind: str, trouble: str = "") -> Words:
    """The words of a class. trouble: why a payment is unclaimed, where that is the class."""
    if kind == "unclaimed_payment" and trouble in ("no_product", "bad_plan"):
        return _unclaimed(trouble)
    return _money().get(kind) or _keys().get(kind) or _people()[kind]


def _unclaimed(trouble: str) -> Words:
    """A payment for which no key can be made, whoever it is from."""
    name = _("Unclaimed payment")
    if trouble == "bad_plan":
        meaning = _("Paid, but what was bought has a plan (skm) that makes no key.")
        return Words(name, meaning, _("Mend the price on the Stripe doctor, then try it here."), "danger")
    proposal = _(
        "If it sells licenses, choose on the Stripe doctor which of your products it pays for, then try it here."
        " If it sells none, put it aside: there is nothing to repair."
    )
    return Words(name, _("Paid for something that names no product of yours (skm_product_id)."), proposal, "danger")


def _money() -> dict[str, Words]:
    return {
        "charged_without_key": Words(
            _("Charged without key"),
            _("Stripe was paid, and there is no key for it."),
            _("Read the purchase again and make the key."),
            "danger",
        ),
        "temp_var_set": Words(
            _("skm_temp_var still set"),
            _("The subscription at Stripe still says that no key was made."),
            _("Make the key if it is missing, write its number to Stripe and remove the marker."),
            "warning",
        ),
        "unclaimed_payment": Words(
            _("Unclaimed payment"),
            _("Paid, but nobody can tell for which customer or product."),
            _("Bind the payment to a customer; the key follows, and so does the payer's billing at Stripe."),
            "danger",
        ),
        "quantity_differs": Words(
            _("Quantity differs"),
            _("There are more or fewer keys or machines than were paid for."),
            _("Follow what is paid for: make what is missing, block what is too many."),
            "warning",
        ),
        "period_differs": Words(
            _("Period differs"),
            _("The key does not end when the paid period and the days of grace do."),
            _("Move the end of the key to what was paid."),
            "warning",
        ),
    }


def _keys() -> dict[str, Words]:
    return {
        "key_without_subscription": Words(
            _("Key without subscription"),
            _("Stripe does not know the subscription that this key belongs to."),
            _("Keep the key and part it from the subscription. Not found alone takes nothing away."),
            "warning",
        ),
        "ended_but_valid": Words(
            _("Ended or refunded, but valid"),
            _("The purchase is over at Stripe, and its key still works."),
            _("Read the purchase again and block the key."),
            "warning",
        ),
        "paid_but_blocked": Words(
            _("Paid but blocked"),
            _("The customer pays, and the key is blocked."),
            _("Lift the block if it is one of ours. A block by staff stays until staff lift it."),
            "danger",
        ),
        "dangling_key_id": Words(
            _("Key number points nowhere"),
            _("The subscription at Stripe names a key that does not exist."),
            _("Write the number of the right key to Stripe, and make the key if it is missing."),
            "warning",
        ),
        "lookup_failed": Words(
            _("Look-up failed"),
            _("Stripe gave no answer, or none that can be read. Nothing was concluded."),
            _("Ask again."),
            "warning",
        ),
    }


def _people() -> dict[str, Words]:
    return {
        "wrong_customer": Words(
            _("Key of another customer"),
            _("The key belongs to another customer than the one that Stripe names."),
            _("Leave the key where it is, and name its owner at Stripe."),
            "warning",
        ),
        "duplicate_customers": Words(
            _("Duplicate customers"),
            _("Several customers at Stripe share one address or one customer of yours."),
            _("Mark at Stripe which one counts, so that a purchase by any of them reaches your customer."),
            "info",
        ),
        "unknown_customer": Words(
            _("Unknown customer"),
            _("Stripe names a customer number that nobody has here."),
            _("Write the right number to Stripe."),
            "warning",
        ),
    }


def of_state(state: str) -> str:
    """Where a finding stands."""
    return {
        "open": _("Open"),
        "repaired": _("Repaired"),
        "gone": _("No longer found"),
        "dismissed": _("Put aside"),
    }[state]


def of_purchase(state: str) -> str:
    """Where a purchase stands."""
    return {
        "waiting": _("waiting for money"),
        "served": _("served"),
        "ended": _("ended"),
        "unclaimed": _("unclaimed"),
        "never seen": _("never seen"),
        "not read since": _("not read since then"),
    }.get(state, state)


def of_trouble(reason: str) -> str:
    """Why a payment cannot become a key."""
    return {
        "no_customer": _("Nobody can tell whose payment it is."),
        "no_product": _("The product at Stripe names no product of yours (skm_product_id)."),
        "bad_plan": _(
            "The price at Stripe has a plan (skm) that makes no key: it cannot be read,"
            " or a product whose licenses end needs a Period in it."
        ),
    }.get(reason, reason)


def of_block(because: str) -> str:
    """Why a key is blocked."""
    return {
        "staff": _("staff blocked it"),
        "ended": _("the purchase has ended"),
        "unpaid": _("it was not paid"),
        "refunded": _("the money was given back"),
        "disputed": _("the payment is disputed"),
        "quantity": _("fewer are paid for"),
    }.get(because, because)


def label(name: str) -> str:
    """The name of a piece of evidence; what is not here is a name of Stripe's, shown as it is."""
    return {
        "status": _("State"),
        "paid": _("Paid"),
        "paid_until": _("Paid until"),
        "because": _("Because"),
        "stripe_customer": _("Customer at Stripe"),
        "stripe_customers": _("Customers at Stripe"),
        "buyers": _("Of these bought"),
        "count": _("How many"),
        "email": _("E-mail"),
        "keys": _("Keys"),
        "machines": _("Machines"),
        "key": _("Key"),
        "keys_of_others": _("Keys of others"),
        "owner": _("Customer"),
        "owners": _("Customers"),
        "counterpart": _("The one that counts"),
        "state": _("Our record"),
        "trouble": _("Reason"),
        "expires_at": _("Ends"),
        "should_end": _("Should end"),
        "blocked": _("Blocked"),
        "blocked_by": _("Blocked because"),
        "subscription": _("Subscription"),
        "event": _("Event"),
        "event_id": _("Event id"),
        "error": _("What went wrong"),
        "unclear": _("Cannot be read"),
        "order": _("Order"),
        "checkout": _("Checkout"),
    }.get(name, name)
