"""Products and prices at Stripe, made and mended from here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from flask_babel import gettext as _

from portal.audit import service as audit
from portal.billing import plans
from portal.billing.gateway import catalog
from portal.billing.gateway.catalog import AlreadyThere, NewProduct, NotInCatalog
from portal.billing.gateway.prices import PriceRead
from portal.errors import Conflict, Invalid, NotFound
from portal.licenses import broken_plans, create_key
from portal.licenses.create_key import CreateKey
from portal.stripe_doctor import catalog_rules, repairs
from portal.stripe_doctor.reading import Patient

TOKEN = re.compile(r"[0-9a-f]{32}", re.ASCII)
LONGEST_PLAN = 500
STRIPES_NAMES = {
    "statement_descriptor": "statement_descriptor",
    "description": "description",
    "images": "image_url",
    "tax_code": "tax_code",
    "unit_label": "unit_label",
    "unit_amount": "amount",
    "currency": "currency",
    "interval": "interval_count",
    "tax_behavior": "tax_behavior",
    "metadata": "notes",
    "name": "name",
}


def create_product(
    vendor_id: int, token: str, product: NewProduct, product_id: int, plan: CreateKey, trial: int
) -> str:
    """Make a product with a price that pays licenses of ours; returns its id. Commit afterwards.

    token: 32 hex digits of the form, so that one form makes one product, however often it is sent. product: without its
    id and metadata. Raises Invalid with a field of the form, Conflict, and the gateway's errors.
    """
    catalog_rules.check(product, trial)
    if not TOKEN.fullmatch(token):
        raise Invalid(_("This form cannot be sent again. Please start anew."))
    patient = repairs.patient(vendor_id)
    _check_ours(patient, product_id)
    full = replace(
        product,
        id=f"skm_prod_{token}",
        metadata={"skm_product_id": str(product_id)},
        price_metadata=_price_metadata(plan, trial),
    )
    sent = json.dumps(full.params(), sort_keys=True)
    key = f"latchkey:product:{token}:{hashlib.sha256(sent.encode()).hexdigest()[:24]}"
    try:
        with repairs.writing("Products", STRIPES_NAMES):
            catalog.create_product(patient.connection, full, key)
    except AlreadyThere as error:
        raise Conflict(_("This product is at Stripe already.")) from error
    after = {"product": product_id, "name": product.name[:100], "plan": full.price_metadata["skm"]}
    _changed(vendor_id, "stripe.product", full.id, after)
    return full.id


def bind(vendor_id: int, stripe_product_id: str, product_id: int) -> None:
    """Say which of our products a product at Stripe pays; commit afterwards. Raises Invalid, NotFound, Conflict."""
    patient = repairs.patient(vendor_id)
    _check_ours(patient, product_id)
    with _found(), repairs.writing("Products"):
        metadata = {"skm_product_id": str(product_id)}
        catalog.write_product_metadata(patient.connection, _named(stripe_product_id), metadata)
    _changed(vendor_id, "stripe.bind", stripe_product_id, {"product": product_id})


def price(vendor_id: int, price_id: str) -> PriceRead:
    """A price as it is at Stripe now; with no transaction open. Raises NotFound, Conflict, and the gateway's errors."""
    patient = repairs.patient(vendor_id)
    with _found():
        return catalog.retrieve_price(patient.connection, _named(price_id))


def plan_of(price: PriceRead) -> CreateKey:
    """What its keys are like; where its `skm` is not right, what can be read of it."""
    try:
        return create_key.parse(price.metadata.get("skm", ""))
    except Invalid:
        return broken_plans.rescue(price.metadata.get("skm", ""))


def trial_days_of(price: PriceRead) -> int:
    """The free days that a price says itself; 0 where that is no number."""
    text = price.metadata.get(plans.TRIAL, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0


def set_plan(vendor_id: int, price_id: str, plan: CreateKey, trial: int) -> None:
    """Say how the keys of a price are made; commit afterwards. Raises Invalid, NotFound, Conflict."""
    catalog_rules.check_trial(trial)
    patient = repairs.patient(vendor_id)
    with _found(), repairs.writing("Prices"):
        metadata = {plans.TRIAL: "", **_price_metadata(plan, trial)}
        catalog.write_price_metadata(patient.connection, _named(price_id), metadata)
    _changed(vendor_id, "stripe.plan", price_id, {"plan": metadata["skm"], "trial_days": trial})


def _check_ours(patient: Patient, product_id: int) -> None:
    if product_id not in patient.ours.products:
        raise Invalid(_("Choose one of your products."), field="product_id")


def _price_metadata(plan: CreateKey, trial: int) -> dict[str, str]:
    text = create_key.write(plan)
    if len(text) > LONGEST_PLAN:
        raise Invalid(_("This is more than Stripe keeps with a price; shorten the notes."), field="notes")
    create_key.parse(text)
    return {"skm": text} | ({plans.TRIAL: str(trial)} if trial else {})


def _named(stripe_id: str) -> str:
    """An id fit for the path of a call. Raises NotFound."""
    if not re.fullmatch(r"[!-~]{1,255}", stripe_id):
        raise NotFound
    return stripe_id


@contextmanager
def _found() -> Iterator[None]:
    try:
        yield
    except NotInCatalog as error:
        raise NotFound(_("Stripe does not know this any more.")) from error


def _changed(vendor_id: int, action: str, stripe_id: str, after: dict[str, object]) -> None:
    audit.record(vendor_id, action, f"stripe:{stripe_id}"[:100], after=after)
    plans.queue_sync(vendor_id)
