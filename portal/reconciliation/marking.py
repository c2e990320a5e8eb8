"""What belongs into the metadata at Stripe: numbers of keys, no marker of a missing one, which duplicate counts."""

from __future__ import annotations

from flask_babel import gettext as _

from portal.billing.links import TEMPORARY, number_in
from portal.fulfillment import seeds, write_back
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import Purchase
from portal.reconciliation.case import Case, Done, Write
from portal.reconciliation.naming import CUSTOMER
from portal.reconciliation.people import DUPLICATE_OF


def back_to_stripe(purchase: Purchase, facts: Facts) -> list[Write]:
    """Our numbers where Stripe shows others or none, the marker of a missing key removed, and whose the payer is."""
    wanted = write_back.wanted_of(purchase)
    differing = {name: value for name, value in wanted.items() if facts.metadata.get(name, "") != value}
    if wanted and TEMPORARY in facts.metadata:
        differing[TEMPORARY] = ""
    writes = [Write(facts.stripe_id, differing)] if differing else []
    if purchase.customer_id and write_back.names_nobody(purchase, facts):
        marks = write_back.marks_of(purchase.customer_id, seeds.instance_of(purchase.vendor_id))
        writes.append(Write(purchase.stripe_customer_id, marks))
    return writes


def without_a_key(case: Case) -> list[Write]:
    """For a purchase that ended without ever having had a key: take the marker off. Staff confirm that."""
    return [
        Write(facts.stripe_id, {TEMPORARY: ""}, takes_away=True)
        for facts in case.facts
        if case.kind == "temp_var_set" and facts.effect == "end" and TEMPORARY in facts.metadata
    ]


def mark_duplicates(case: Case) -> Done:
    """Say on the others which one counts, and whose they are, so that their purchases find the customer."""
    living = [read for read in case.people if not read.is_deleted]
    main = next((read for read in living if read.id == case.subject), None)
    if main is None or len(living) < 2:
        return Done(True, _("Only one of them is left at Stripe."))
    numbers = {number for read in living if (number := number_in(read.metadata, CUSTOMER))}
    number = case.chosen or case.customer_id or (numbers.pop() if len(numbers) == 1 else None)
    if number is None:
        return Done(False, _("Choose the customer that all of them are."))
    writes = []
    for read in living:
        missing = {} if number_in(read.metadata, CUSTOMER) else {CUSTOMER: str(number)}
        mark = {} if read.id == main.id else {DUPLICATE_OF: main.id}
        if missing or mark:
            writes.append(Write(read.id, {**missing, **mark}))
    return Done(True, "", tuple(writes))
