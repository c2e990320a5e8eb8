"""/StripeDoctor: its states, who may do what, other vendors, and the daily job."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from portal import jobs
from portal.audit.models import AuditEntry
from portal.billing import service as billing
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.stripe_doctor import findings, remedies, report, service, words
from portal.stripe_doctor.findings import Finding
from portal.stripe_doctor.report import Report
from portal.vendors.models import Vendor
from tests.factories import make_staff
from tests.stripe_doctor.conftest import Clinic, press, send
from tests.support.page import Page

RUN = 'form[action="/StripeDoctor"]'
EVERY_VALUE = {
    "name": "Events",
    "level": "Read",
    "part": "portal",
    "customers": 1,
    "subscriptions": 2,
    "livemode": True,
    "seconds": 90,
    "url": "https://acme.example",
    "types": ["invoice.paid"],
    "version": "2025-03-31.basil",
    "ids": ["we_1"],
    "type": "invoice.paid",
    "at": "2026-05-28T20:26:40+00:00",
    "ours": "",
    "theirs": "old@mail.example",
    "others": 1,
    "product": "Studio",
    "text": "{",
    "trial": "two",
    "amount_minor": 1900,
    "currency": "usd",
    "interval": "month",
    "feature": "subscription_cancel",
    "count": 3,
    "missing": ["privacy"],
    "customer_id": 7,
    "email": "ada@mail.example",
    "linked": [],
    "pick": None,
}


def test_without_a_key_the_page_says_what_to_do(page: Page, acme: Vendor) -> None:
    page.sign_in(make_staff(acme, "owner"), vendor=acme)
    assert "No API key yet" in page.get("/StripeDoctor").text
    send(page, "").follow()
    assert "No API key yet" in page.text
    send(page, "/Endpoint").follow()
    assert "There is no Stripe key yet." in page.text


def test_from_nothing_to_all_green_by_the_buttons_of_the_page(clinic: Clinic, desk: Page) -> None:
    assert "Not checked yet" in desk.get("/StripeDoctor").text
    desk.submit(form=RUN).follow()
    assert "One thing is broken" in desk.text
    press(desk, "Endpoint")
    desk.get("/StripeDoctor/Product")
    desk.submit({"name": "Studio", "amount": "19", "currency": "usd", "f1": "y"}).follow()
    links = {"privacy_policy_url": "https://acme.example/p", "terms_of_service_url": "https://acme.example/t"}
    desk.get("/StripeDoctor/Portal").submit({**links, "subscription_update": "y"}).follow()
    press(desk, "Feature", name="login_link")
    assert "Everything is in order" in desk.text
    found = clinic.run()
    assert {one.code for one in found.found} == {"key_unrestricted"}
    assert set(found.steps.values()) == {"done", "look"}
    actions = set(db.session.scalars(select(AuditEntry.action)))
    assert {"stripe.endpoint", "stripe.product", "stripe.portal", "vendor.set"} <= actions


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_others_than_admins_see_everything_and_mend_nothing(
    clinic: Clinic, page: Page, vendor: Vendor, role: str
) -> None:
    clinic.run()
    page.sign_in(make_staff(vendor, role), vendor=vendor)
    page.get("/StripeDoctor")
    assert "Stripe has no webhook endpoint" in page.text
    assert "Admins and owners mend this." in page.text
    assert not page.soup.select('main form[action^="/StripeDoctor/"], main a[href^="/StripeDoctor/"]')
    assert bool(page.soup.select(RUN)) == (role == "support")
    for action in ("Endpoint", "Bind", "Feature", "Address", "Product", "Price", "Portal"):
        send(page.get("/StripeDoctor"), f"/{action}", 403)
    for action in ("Product", "Price", "Portal"):
        page.get(f"/StripeDoctor/{action}", status=403)
    send(page.get("/StripeDoctor"), "", 403 if role == "viewer" else 303)
    assert clinic.endpoints() == []


def test_vendors_see_nothing_of_each_other(clinic: Clinic, page: Page, vendor: Vendor, globex: Vendor) -> None:
    price = clinic.sell("broken")
    clinic.run()
    billing.set_account(globex, api_key="sk_test_doctorglobex2")
    page.sign_in(make_staff(globex, "owner"), vendor=globex)
    page.get("/StripeDoctor")
    assert "Not checked yet" in page.text
    page.get(f"/StripeDoctor/Price?id={price.id}", status=404)
    assert report.last_of(globex.id) is None


def test_the_daily_job_checks_every_vendor_with_a_key(clinic: Clinic, globex: Vendor) -> None:
    assert jobs.SCHEDULE[service.CHECK] == 24 * 3600
    billing.set_account(globex, api_key="sk_test_doctorglobex3")
    clinic.work(service.CHECK, vendor_id=None)
    for vendor_id in (clinic.vendor_id, globex.id):
        last = report.last_of(vendor_id)
        account = db.session.get(StripeAccount, vendor_id)
        assert last is not None and account is not None
        assert last.state == "checked"
        assert account.checked_at == last.checked_at


def test_crowds_are_cut_short_and_counted(clinic: Clinic, desk: Page) -> None:
    many = [Finding("email_missing", "customers", "warning", f"cus_{number}") for number in range(230)]
    many = [replace(one, values={"customer_id": None, "ours": ""}) for one in many]
    found = replace(clinic.run(), found=many)
    account = db.session.get(StripeAccount, clinic.vendor_id)
    assert account is not None
    report.keep(account, found)
    db.session.commit()
    desk.get("/StripeDoctor")
    assert len(desk.soup.select("#customers li")) == 20
    assert "and 180 more of the same kinds" in desk.text
    assert "30 further findings are not listed" in desk.text


def test_a_kept_report_that_nobody_can_read_is_no_report(clinic: Clinic, desk: Page) -> None:
    clinic.run()
    account = db.session.get(StripeAccount, clinic.vendor_id)
    assert account is not None
    for kept in ("not json", "[]", '{"doctor": 3}'):
        account.health = kept
        db.session.commit()
        assert "Not checked yet" in desk.get("/StripeDoctor").text
    assert findings.load([{"code": "x"}, 3]) == []


@pytest.mark.parametrize("code", sorted(words.WORDS))
def test_every_finding_has_words_and_a_way_to_its_fix(app: object, code: str) -> None:
    finding = Finding(code, "key", "broken", "price_1", EVERY_VALUE)
    said = words.of(finding)
    assert all((said.title, said.meaning, said.fix))
    assert "%(" not in said.title + said.meaning + said.fix
    told_only = ("other_mode", "clock_fast", "clock_slow", "address_not_public", "events_behind")
    assert bool(remedies.of(finding, Report("checked"))) == (code not in told_only)


def test_the_dashboard_is_opened_in_the_right_account_and_mode(app: object, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = remedies.places.crypto.settings()
    monkeypatch.setattr(remedies.places.crypto, "settings", lambda: replace(settings, stripe_api_base=None))
    test, live = (Report("checked", livemode=mode, account_id="acct_1") for mode in (False, True))
    assert remedies.dashboard("apikeys", test) == "https://dashboard.stripe.com/acct_1/test/apikeys"
    assert remedies.dashboard("apikeys", live) == "https://dashboard.stripe.com/acct_1/apikeys"
    assert remedies.dashboard("apikeys", None) == "https://dashboard.stripe.com/test/apikeys"
