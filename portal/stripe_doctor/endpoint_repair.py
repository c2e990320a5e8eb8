"""Make or mend the webhook endpoint at Stripe. Its signing secret is in one answer only, so that it is stored at once,
in a transaction of its own; if that fails, the endpoint is taken back.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from contextlib import suppress

from flask_babel import gettext as _
from sqlalchemy import select, update

from portal import unit_of_work
from portal.audit import service as audit
from portal.billing import gateway
from portal.billing import service as billing
from portal.billing.account import sealed_secrets
from portal.billing.gateway import endpoints
from portal.billing.gateway.endpoints import EndpointRead
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.stripe_doctor import repairs
from portal.stripe_doctor.reading import Patient
from portal.webhooks import endpoint
from portal.webhooks.endpoint import DISABLED, MISSING, WANTED, WRONG_EVENTS, EndpointHealth

PERMISSION = "Webhook Endpoints"
FIELDS = {"url": "url"}


def mend(vendor_id: int, *, anew: bool = False) -> str:
    """Bring the endpoint into order, and say what was done; call it before any change, commit afterwards.

    anew: make a new one with a new secret whatever the old one is like. The old secret stays good beside the new one.
    Raises Conflict, Invalid, and the gateway's errors.
    """
    patient = repairs.patient(vendor_id)
    with repairs.writing(PERMISSION, FIELDS):
        found = endpoints.list_endpoints(patient.connection)
        health = _judged(patient, found)
        has_secret = patient.ours.secret_count > 0 and patient.ours.endpoint_id in ("", health.endpoint_id)
        can_stay = health.state in (endpoint.OK, DISABLED, WRONG_EVENTS) and has_secret
        if anew or not can_stay or not _speaks_our_version(found, health.endpoint_id):
            made = _make(patient)
            _remove(patient, [one.id for one in endpoint.ours_among(vendor_id, found) if one.id != made.id])
            return _told(vendor_id, health.state, made.id, _("The webhook endpoint is made, and its secret is stored."))
        if health.state == endpoint.OK:
            return _("The webhook endpoint is in order.")
        present = next(one for one in found if one.id == health.endpoint_id)
        events = sorted({*WANTED, *present.events}) if present.lacks(WANTED) else None
        endpoints.update_endpoint(patient.connection, present.id, events=events, enable=not present.is_enabled)
    return _told(vendor_id, health.state, present.id, _("The webhook endpoint is mended."))


def remove_duplicates(vendor_id: int) -> str:
    """Delete further endpoints with our address; commit afterwards. Raises as `mend` does."""
    patient = repairs.patient(vendor_id)
    with repairs.writing(PERMISSION):
        found = endpoints.list_endpoints(patient.connection)
        health = _judged(patient, found)
        for endpoint_id in health.duplicates:
            endpoints.delete_endpoint(patient.connection, endpoint_id)
    return _told(vendor_id, "duplicate", health.endpoint_id, _("Only one endpoint with your address is left."))


def _judged(patient: Patient, found: list[EndpointRead]) -> EndpointHealth:
    ours = patient.ours
    return endpoint.judge(ours.vendor_id, found, livemode=ours.livemode, known_id=ours.endpoint_id)


def _speaks_our_version(found: list[EndpointRead], endpoint_id: str) -> bool:
    return any(one.id == endpoint_id and one.api_version == gateway.STRIPE_API_VERSION for one in found)


def _make(patient: Patient) -> EndpointRead:
    """A new endpoint, its secret stored. A try that was cut off before storing finds the very same one again."""
    ours, way = patient.ours, patient.connection
    known = (
        f"{ours.endpoint_url} {ours.endpoint_id} {ours.secret_count} {' '.join(WANTED)} {gateway.STRIPE_API_VERSION}"
    )
    key = f"latchkey:endpoint:{hashlib.sha256(known.encode()).hexdigest()[:40]}"
    try:
        made = endpoints.create_endpoint(way, ours.endpoint_url, WANTED, key)
        is_there = any(one.id == made.id for one in endpoints.list_endpoints(way))
    except (gateway.Stumbled, gateway.KeyReused):
        is_there = False  # Stripe repeats this answer for a day
    if not is_there:
        made = endpoints.create_endpoint(way, ours.endpoint_url, WANTED, f"{key}:{secrets.token_hex(8)}")
    try:
        _store(ours.vendor_id, made)
    except BaseException:
        with suppress(gateway.GatewayError):
            endpoints.delete_endpoint(way, made.id)
        raise
    return made


def _store(vendor_id: int, made: EndpointRead) -> None:
    """The new secret first, the one before it second."""
    mine = StripeAccount.vendor_id == vendor_id
    with unit_of_work.own_transaction() as connection:
        stored = connection.scalar(select(StripeAccount.webhook_secrets).where(mine)) or ""
        before = [one for one in billing.opened_secrets(vendor_id, stored) if one != made.secret]
        sealed = sealed_secrets(vendor_id, [made.secret, *before])
        connection.execute(update(StripeAccount).where(mine).values(webhook_secrets=sealed, endpoint_id=made.id))


def _remove(patient: Patient, endpoint_ids: list[str]) -> None:
    """What stays because Stripe does not answer is found as a duplicate by the next check."""
    for endpoint_id in endpoint_ids:
        try:
            endpoints.delete_endpoint(patient.connection, endpoint_id)
        except gateway.GatewayError as error:
            logging.getLogger(__name__).warning("an old endpoint stays", exc_info=error)


def _told(vendor_id: int, state: str, endpoint_id: str, said: str) -> str:
    account = db.session.get(StripeAccount, vendor_id)
    if account is not None:
        account.endpoint_id = endpoint_id
    audit.record(
        vendor_id,
        "stripe.endpoint",
        f"vendor:{vendor_id}",
        before={"endpoint": state},
        after={"endpoint": "ok" if state != MISSING else "made", "endpoint_id": endpoint_id},
    )
    return said
