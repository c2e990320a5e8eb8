"""What all repairs share: the way to Stripe, and its refusals as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask_babel import gettext as _

from portal import unit_of_work
from portal.billing import gateway
from portal.errors import Conflict, Invalid
from portal.stripe_doctor.reading import Patient, patient_of


def patient(vendor_id: int) -> Patient:
    """What is needed to repair; reads in a transaction of its own. Raises Conflict without a key."""
    with unit_of_work.reading():
        found = patient_of(vendor_id)
    if found is None:
        raise Conflict(_("There is no Stripe key yet."))
    return found


@contextmanager
def writing(permission: str, fields: dict[str, str] | None = None) -> Iterator[None]:
    """Say which permission is missing, and put Stripe's refusal next to the field it is about.

    permission: as Stripe's dashboard names it. fields: part of Stripe's parameter name → our field. Raises Conflict,
    Invalid, and the gateway's other errors.
    """
    try:
        yield
    except gateway.KeyRefused as error:
        raise Conflict(
            _(
                "The API key lacks the permission “%(name)s: Write”. Give it to the key in Stripe's dashboard.",
                name=permission,
            )
        ) from error
    except gateway.Refused as error:
        if error.message == "":
            raise
        message = error.message
        if error.detail:
            message = _("Stripe does not accept this: %(reason)s", reason=error.detail)
        field = next((ours for theirs, ours in (fields or {}).items() if theirs in error.param), None)
        raise Invalid(message, field=field) from error
