"""Coming back from Stripe too often."""

from __future__ import annotations

from portal import throttle
from portal.billing import service as billing
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.billing.shop import Shop
from tests.factories import make_association, make_customer, make_user
from tests.support.page import Page
from tests.support.sandbox_server import RunningSandbox

RETURN = "/Portal/@acme.example/Billing/Return"


def test_who_comes_back_without_end_goes_on_but_asks_stripe_no_more(
    page: Page, vendor: Vendor, shop: Shop, sandbox: RunningSandbox
) -> None:
    user, customer = make_user(), make_customer(vendor)
    make_association(user, customer)
    shop.subscribe(shop.customer(customer))
    page.sign_in(user)
    billing.sync(vendor)
    db.session.commit()
    sandbox.judge.seen.clear()
    page.get(RETURN, status=303)
    assert sandbox.judge.seen
    user_id = user.id
    db.session.commit()
    for _time in range(29):
        throttle.hit("billing_return", user_id)
    sandbox.judge.seen.clear()

    page.get(RETURN, status=303)

    assert page.location == "/Portal/@acme.example/Billing"
    assert sandbox.judge.seen == []
