"""The signing secrets on /User/Profile: typed, kept sealed, used at the door, forgotten."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.billing import service as billing
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.factories import make_staff
from tests.support.page import Page
from tests.webhooks.letters import deliver, event, signature

FORM = 'form[action="/User/Profile/Stripe"]'
FIRST, SECOND, THIRD = "whsec_first0123456789", "whsec_second9876543210", "whsec_third1029384756"
STORED = ("none stored", "one stored", "two stored")


def save(desk: Page, status: int = 303, **typed: str) -> Page:
    """The Stripe card, as it stands but for these."""
    return desk.get("/User/Profile").submit(typed, form=FORM, status=status)


def count(vendor: Vendor) -> int:
    """How many secrets are stored."""
    db.session.rollback()
    return billing.account_of(vendor).webhook_secret_count


def accepted(page: Page, vendor: Vendor) -> set[str]:
    """The secrets with which an event is let in."""
    number = vendor.id
    answers = {
        secret: deliver(page, body, number, signature(body, secret)).status_code
        for secret, body in ((secret, event()) for secret in (FIRST, SECOND, THIRD))
    }
    assert set(answers.values()) <= {200, 400}
    return {secret for secret, status in answers.items() if status == 200}


def test_events_signed_with_either_of_two_secrets_are_taken(desk: Page, acme: Vendor) -> None:
    save(desk, webhook_secret=FIRST, webhook_secret_2=SECOND).follow()
    assert STORED[2] in desk.text
    assert accepted(desk, acme) == {FIRST, SECOND}


def test_a_second_secret_stands_beside_the_first_while_it_is_rolled(desk: Page, acme: Vendor) -> None:
    assert STORED[0] in desk.get("/User/Profile").text
    save(desk, webhook_secret=f" {FIRST}\t").follow()
    assert STORED[1] in desk.text
    save(desk, webhook_secret_2=SECOND).follow()
    assert count(acme) == 2
    save(desk, webhook_secret=THIRD).follow()
    assert accepted(desk, acme) == {THIRD, SECOND}


def test_the_same_secret_twice_is_one(desk: Page, acme: Vendor) -> None:
    save(desk, webhook_secret=FIRST, webhook_secret_2=FIRST).follow()
    assert count(acme) == 1


def test_what_is_left_empty_stays(desk: Page, acme: Vendor) -> None:
    save(desk, webhook_secret=FIRST, webhook_secret_2=SECOND).follow()
    save(desk, portal_login_url="https://billing.stripe.com/p/login/test_1", webhook_secret="  ").follow()
    assert accepted(desk, acme) == {FIRST, SECOND}


def test_the_stored_ones_are_forgotten(desk: Page, acme: Vendor) -> None:
    assert not desk.get("/User/Profile").soup.select("#forget_webhook_secrets"), "there is nothing to forget yet"
    save(desk, forget_webhook_secrets="y").follow()
    assert db.session.scalars(select(AuditEntry)).all() == [], "nothing was there"
    save(desk, webhook_secret=FIRST, webhook_secret_2=SECOND).follow()
    assert not desk.soup.select_one("#forget_webhook_secrets").has_attr("checked")
    save(desk, forget_webhook_secrets="y").follow()
    assert STORED[0] in desk.text
    assert count(acme) == 0
    assert accepted(desk, acme) == set()


def test_a_new_secret_replaces_all_that_are_forgotten(desk: Page, acme: Vendor) -> None:
    save(desk, webhook_secret=FIRST, webhook_secret_2=SECOND).follow()
    save(desk, webhook_secret_2=THIRD, forget_webhook_secrets="y").follow()
    assert accepted(desk, acme) == {THIRD}


@pytest.mark.parametrize("field", ["webhook_secret", "webhook_secret_2"])
@pytest.mark.parametrize("bad", ["sk_test_12345678", "whsec_", "whsec_a b c d", "Whsec_abcdef", "whsec_" + "x" * 191])
def test_what_is_no_signing_secret_is_refused_and_changes_nothing(
    desk: Page, acme: Vendor, field: str, bad: str
) -> None:
    billing.set_account(acme, webhook_secrets=[FIRST])
    db.session.commit()
    link = "https://billing.stripe.com/p/login/test_1"
    save(desk, 422, **{field: bad, "portal_login_url": link, "forget_webhook_secrets": "y"})
    assert "whsec_" in desk.soup.select_one(f"#{field}-e").get_text()
    assert [one["id"] for one in desk.soup.select(".err")] == [f"{field}-e"]
    assert f'value="{bad}"' not in desk.html
    assert accepted(desk, acme) == {FIRST}
    assert billing.account_of(acme).portal_login_url == ""


def test_secrets_are_never_shown_and_the_audit_counts_them_only(desk: Page, acme: Vendor) -> None:
    save(desk, webhook_secret=FIRST, webhook_secret_2=SECOND).follow()
    save(desk, 422, webhook_secret=THIRD, api_key="nonsense")
    refused = desk.html
    shown = desk.get("/User/Profile").html + refused + desk.get("/Audit").html + desk.get("/Audit/Export").html
    entries = db.session.scalars(select(AuditEntry)).all()
    assert [(entry.action, entry.before, entry.after) for entry in entries] == [
        ("stripe.set", {"webhook_signing": 0}, {"webhook_signing": 2})
    ]
    for secret in (FIRST, SECOND, THIRD):
        assert secret not in shown
    fields = desk.get("/User/Profile").soup.select("input[name^=webhook_secret]")
    assert [(one["type"], one.get("value")) for one in fields] == [("password", None)] * 2


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_others_than_admins_neither_see_nor_send_the_fields(page: Page, acme: Vendor, role: str) -> None:
    page.sign_in(make_staff(acme, role), vendor=acme).get("/User/Profile")
    assert STORED[0] in page.text
    assert not page.soup.select("main input[name*=webhook]")
    page.post("/User/Profile/Stripe", {"webhook_secret": FIRST}, status=403)
    assert count(acme) == 0
