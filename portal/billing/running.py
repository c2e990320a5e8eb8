"""Subscriptions that have not ended: those a customer may cancel whatever else is open, and the licenses they pay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from portal.billing import overview
from portal.billing.models import StripeAccount, Subscription
from portal.billing.portal_sessions import form_targets, login_link
from portal.billing.told import Told, reading_for
from portal.extensions import db
from portal.licenses.states import ENDED
from portal.terms.service import StandingCustomer
from portal.vendors.service import HasId, VendorProfile


@dataclass(frozen=True)
class Running:
    """What a visitor may cancel: (customer's id, subscription in words), or the login link where we know of none.

    form_targets: for `g.form_targets` of a page with the buttons.
    """

    subscriptions: list[tuple[int, Told]]
    login_link: str | None
    form_targets: tuple[str, ...]


def running_of(vendor: VendorProfile, customers: Sequence[StandingCustomer], visitor_email: str) -> Running:
    """The subscriptions of these customers that go on, and the way to those that only Stripe knows: two queries."""
    parts = overview.find(vendor, customers, visitor_email, reading_for(vendor)) if customers else []
    told = [
        (part.id, paid.told._replace(plan=paid.told.plan or paid.product))
        for part in parts
        for paid in part.subscriptions
        if part.mode == overview.API and not paid.told.is_over
    ]
    emails = [part.email for part in parts if part.mode == overview.LOGIN_LINK]
    return Running(told, login_link(vendor, emails[0]) if emails else None, form_targets(vendor))


def with_subscription(vendor: HasId, global_ids: Iterable[int]) -> frozenset[int]:
    """Which of these licenses are linked to a subscription that has not ended, in the vendor's mode: one query."""
    mode = select(StripeAccount.livemode).where(StripeAccount.vendor_id == vendor.id).scalar_subquery()
    statement = select(Subscription.license_global_id).where(
        Subscription.vendor_id == vendor.id,
        Subscription.license_global_id.in_(list(global_ids)),
        Subscription.status.not_in(ENDED),
        Subscription.livemode == mode,
    )
    return frozenset(number for number in db.session.scalars(statement) if number is not None)
