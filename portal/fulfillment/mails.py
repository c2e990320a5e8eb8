"""What the customer, and staff, are told: one mail per fact, queued in the transaction that makes it a fact."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from portal import addresses, clock
from portal.audit import service as audit
from portal.customers.models import Customer
from portal.errors import Conflict
from portal.extensions import db
from portal.fulfillment import claiming, oddities
from portal.fulfillment.facts import Facts
from portal.fulfillment.models import PaidUnit, Purchase
from portal.fulfillment.units import Change
from portal.licenses import desk
from portal.licenses import service as licenses
from portal.licenses.models import License, Product
from portal.outbox import service as outbox
from portal.staff import service as staff
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from portal.vendors.service import VendorProfile

NAMES = {
    "issued": "license_issued",
    "extended": "license_extended",
    "restored": "license_restored",
    "blocked": "license_blocked",
}
MARKS = {"unclaimed_payment": "unclaimed", "odd_purchase": "odd"}
NEWS = timedelta(days=3)  # what was bought longer before the first look at an account is no news
WHO_HELPS = ("owner", "admin")


def tell(vendor: Vendor, purchase: Purchase, facts: Facts, changes: list[Change], *, has_keys: bool) -> None:
    """Queue the mails that follow from a purchase's changes and standing.

    has_keys: there are keys for it; without one, a bill that failed is between Stripe and the payer.
    """
    news = [change for change in changes if change.kind in NAMES]
    is_first = all(change.kind == "issued" for change in news)
    waiting = {} if is_first else outbox.waiting_mails(vendor.id, _address(purchase))
    for change in news:
        _tell_customer(vendor, purchase, change, waiting)
    if facts.status in ("past_due", "unpaid") and facts.invoice_id and has_keys:
        _queue(vendor, purchase, "payment_failed", facts.invoice_id, until=_works_until(purchase))
    if oddities.notice_of(facts):
        _tell_of_oddity(vendor, purchase)
    if purchase.state == "unclaimed" and _is_new(purchase, facts):
        _tell_staff(vendor, purchase)
        claiming.offer_to_payer(vendor, purchase)


def mail_key_again(vendor: VendorProfile, license: License) -> str:
    """Queue the mail with a key once more, at a click of staff, once a minute at most; the address it goes to.

    Raises Conflict where the license has no customer with an address.
    """
    owner = db.session.get(Customer, (vendor.id, license.customer_id)) if license.customer_id else None
    if owner is None or not owner.email:
        raise Conflict(_("The license has no customer with an e-mail address."))
    product = licenses.get_product(vendor, license.product_id)
    outbox.queue_mail(
        NAMES["issued"],
        owner.email,
        vendor_id=vendor.id,
        language=vendor.language,
        dedupe_key=f"key_again:{vendor.id}:{license.global_id}:{clock.unix() // 60}",
        product=product.name,
        key=license.key,
        until=license.expires_at.isoformat() if desk.is_time_limited(license, product) else "",
        because="",
    )
    audit.record(vendor.id, "license.mail", f"license:{license.global_id}", after={"email": owner.email})
    return owner.email


def _is_new(purchase: Purchase, facts: Facts) -> bool:
    """Whether it is worth a mail: the first look at an account finds everything that was ever sold there.

    What was bought since is news whenever it is seen: a bank may take two weeks to pay, a server may be away as long.
    """
    first_look = select(func.min(Purchase.first_seen_at)).where(Purchase.vendor_id == purchase.vendor_id)
    since = db.session.scalar(first_look) or purchase.first_seen_at
    return facts.bought_at is None or since - facts.bought_at < NEWS


def _tell_customer(vendor: Vendor, purchase: Purchase, change: Change, waiting: dict[int, str]) -> None:
    unit, license = change.unit, change.license
    product = db.session.get(Product, (vendor.id, license.product_id))
    # A blocked key can be restored and blocked again: the moment of the read tells these apart.
    moment = unit.paid_until if change.kind == "extended" else purchase.fetched_at
    stamp = moment.isoformat() if moment and change.kind != "issued" else ""
    about = f":{purchase.stripe_id}:{license.global_id}:"
    _queue(
        vendor,
        purchase,
        NAMES[change.kind],
        f"{license.global_id}:{stamp}",
        # The last mail is to be how things are: none overtakes an earlier one about the same key.
        after=[item for item, dedupe_key in waiting.items() if about in dedupe_key],
        product=product.name if product else "",
        key=license.key,
        until=license.expires_at.isoformat() if unit.paid_until else "",
        because=change.because,
    )


def _works_until(purchase: Purchase) -> str:
    """The last day on which something of a purchase works that is paid by the period; empty where that is over."""
    license = (License.vendor_id == PaidUnit.vendor_id) & (License.global_id == PaidUnit.license_global_id)
    last = (
        select(func.max(License.expires_at))
        .join(PaidUnit, license)
        .where(PaidUnit.vendor_id == purchase.vendor_id, PaidUnit.stripe_id == purchase.stripe_id)
        .where(PaidUnit.paid_until.is_not(None), License.block.is_(False))
    )
    found = db.session.scalar(last)
    return found.isoformat() if found and found > clock.now() else ""


def _queue(vendor: Vendor, purchase: Purchase, name: str, mark: str, **context: Any) -> None:
    address = _address(purchase)
    if not address:
        return
    outbox.queue_mail(
        name,
        address,
        vendor_id=vendor.id,
        language=vendors.switches_of(vendor).language,
        dedupe_key=f"{name}:{vendor.id}:{purchase.stripe_id}:{mark}"[:200],
        **context,
    )


def _address(purchase: Purchase) -> str:
    """Our customer's address, else the one Stripe bills."""
    mine = select(Customer.email).where(Customer.vendor_id == purchase.vendor_id, Customer.id == purchase.customer_id)
    return db.session.scalar(mine) or (purchase.email if "@" in purchase.email else "")


def _tell_staff(vendor: Vendor, purchase: Purchase) -> None:
    _tell_helpers(
        vendor,
        purchase,
        "unclaimed_payment",
        purchase.reason,
        reason=purchase.reason,
        email=purchase.email,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        desk_url=addresses.absolute("/Reconciliation?kind=unclaimed_payment"),
        doctor_url=addresses.absolute("/StripeDoctor"),
    )


def _tell_of_oddity(vendor: Vendor, purchase: Purchase) -> None:
    desk_url = addresses.absolute("/Reconciliation?kind=lookup_failed")
    _tell_helpers(vendor, purchase, "odd_purchase", purchase.notice, notice=purchase.notice, desk_url=desk_url)


def _tell_helpers(vendor: Vendor, purchase: Purchase, name: str, fact: str, **context: Any) -> None:
    """Put it on the desk at once, and mail owners and admins, once for each fact about a purchase."""
    mark = f"{vendor.id}:{purchase.stripe_id}:{fact}"
    outbox.queue_job("reconciliation.watch", vendor_id=vendor.id, dedupe_key=f"watch:{mark}"[:200])
    for member in staff.list_members(vendor):
        if member.role in WHO_HELPS:
            outbox.queue_mail(
                name,
                member.email,
                vendor_id=vendor.id,
                dedupe_key=f"{MARKS[name]}:{mark}:{member.user_id}"[:200],
                stripe_id=purchase.stripe_id,
                **context,
            )
