"""What staff see beside a key: whether somebody pays for it, in the vendor's own mode."""

from __future__ import annotations

import pytest

from portal.billing.models import StripeAccount, Subscription
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.factories import make_customer, make_license, make_product
from tests.support.page import Page


@pytest.mark.parametrize(
    ("status", "livemode", "shown"),
    [("active", False, True), ("past_due", False, True), ("canceled", False, False), ("active", True, False)],
)
def test_the_subscription_badge_stands_wherever_staff_see_the_license(
    desk: Page, acme: Vendor, status: str, livemode: bool, shown: bool
) -> None:
    customer, product = make_customer(acme), make_product(acme)
    license, other = make_license(acme, product, customer), make_license(acme, product, customer)
    facts = {"stripe_customer_id": "cus_1", "customer_id": customer.id, "license_global_id": license.global_id}
    db.session.add(StripeAccount(vendor_id=acme.id, livemode=False))
    db.session.add(Subscription(vendor_id=acme.id, stripe_id="sub_1", status=status, livemode=livemode, **facts))
    db.session.commit()

    pages = f"/Customer/Edit/{customer.id}", f"/Product/Detail/{product.id}", f"/License/{license.global_id}"
    for path in pages:
        badges = [one.get_text() for one in desk.get(path).soup.select("main .b.i")]
        assert badges == (["Subscription"] if shown else []), path
    assert "Subscription" not in desk.get(f"/License/{other.global_id}").text
