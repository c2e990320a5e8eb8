"""/User/Profile (the company) and /User/Settings (the switches)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.console import switches_form
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from portal.vendors.switches import DEFAULTS, NAMES
from tests.factories import make_staff, make_vendor
from tests.support.page import Page

COMPANY = 'form[action="/User/Profile"]'


def test_the_company_profile_is_saved_and_shown(desk: Page, acme: Vendor) -> None:
    desk.get("/User/Profile")
    assert "acme.example" in desk.text
    fields = {
        "name": "Acme & Sons",
        "description": "We make <things>.",
        "website": "https://www.acme.example",
        "logo_url": "https://www.acme.example/logo.svg",
        "accent_color": "#AA3300",
    }
    desk.submit(fields, form=COMPANY).follow()

    assert desk.soup.select_one("#name")["value"] == "Acme & Sons"
    assert desk.soup.select('svg rect[fill="#aa3300"]')
    db.session.expire_all()
    vendor = vendors.get(acme.id)
    assert (vendor.name, vendor.accent_color) == ("Acme & Sons", "#aa3300")
    entry = db.session.scalar(select(AuditEntry))
    assert entry.action == "vendor.edit"
    assert entry.before["name"] == "Acme"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 101),
        ("website", "www.acme.example"),
        ("website", "javascript:alert(1)"),
        ("website", "https://user:pass@acme.example"),
        ("logo_url", "http://acme.example/logo.png"),
        ("logo_url", "data:image/svg+xml,x"),
        ("accent_color", "red"),
        ("accent_color", "#12345"),
        ("accent_color", "#1234567"),
    ],
)
def test_a_bad_profile_field_is_refused_beside_it(desk: Page, acme: Vendor, field: str, value: str) -> None:
    desk.get("/User/Profile").submit({field: value}, form=COMPANY, status=422)
    assert desk.soup.select_one(f"#{field}-e").get_text()
    assert desk.soup.select_one(f"#{field}")["value"] == value
    db.session.expire_all()
    assert vendors.get(acme.id).name == "Acme"


def test_a_logo_of_this_site_stays_but_is_not_typed_in(desk: Page, acme: Vendor) -> None:
    acme.logo_url = "/dev/logo.svg"
    db.session.commit()
    desk.get("/User/Profile").submit({"description": "New."}, form=COMPANY).follow()
    db.session.expire_all()
    assert (vendors.get(acme.id).logo_url, vendors.get(acme.id).description) == ("/dev/logo.svg", "New.")
    desk.submit({"logo_url": "/dev/other.svg"}, form=COMPANY, status=422)
    assert desk.soup.select_one("#logo_url-e").get_text()


def test_staff_below_admin_read_the_profile_only(page: Page, acme: Vendor) -> None:
    page.sign_in(make_staff(acme, "support"), vendor=acme).get("/User/Profile")
    assert not page.soup.select("main form")
    page.get("/User/Settings")
    assert page.soup.select_one("main fieldset[disabled]")
    assert not page.soup.select("main button")


def test_every_switch_has_a_field_a_name_and_a_place() -> None:
    assert set(switches_form.WORDS) == set(NAMES)
    placed = [name for _title, names in switches_form.GROUPS for name in names]
    assert sorted(placed) == sorted(NAMES)


def test_saving_the_page_as_it_stands_changes_nothing(desk: Page, acme: Vendor) -> None:
    before = vendors.switches_of(acme)
    desk.get("/User/Settings").submit().follow()
    db.session.expire_all()
    assert vendors.switches_of(vendors.get(acme.id)) == before


def test_switches_are_saved_and_audited(desk: Page, acme: Vendor) -> None:
    desk.get("/User/Settings")
    typed = {
        "generic_sign_up": None,
        "confirm_association_by_code": "y",
        "association_limit": "25",
        "personal_link_days": "none",
        "embed_origins": "https://www.acme.example\r\nhttps://shop.acme.example",
        "refund_policy": "keep",
        "time_zone": "Europe/Stockholm",
        "support_email": "help@acme.example",
    }
    desk.submit(typed).follow()

    assert "The settings are saved" in desk.text
    db.session.expire_all()
    switches = vendors.switches_of(vendors.get(acme.id))
    assert (switches.generic_sign_up, switches.confirm_association_by_code) == (False, True)
    assert (switches.association_limit, switches.personal_link_days) == (25, DEFAULTS.personal_link_days)
    assert switches.embed_origins == ("https://www.acme.example", "https://shop.acme.example")
    assert (switches.refund_policy, switches.time_zone) == ("keep", "Europe/Stockholm")
    entry = db.session.scalar(select(AuditEntry))
    assert entry.after["association_limit"] == 25
    assert "grace_days" not in entry.after


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("association_limit", "0"),
        ("association_limit", "1_0"),
        ("grace_days", "1000"),
        ("time_zone", "Mars/Olympus"),
        ("embed_origins", "https://acme.example/path"),
        ("embed_origins", "http://acme.example"),
        ("support_email", "help"),
        ("own_host", "not a host"),
        ("portal_login_link", "http://stripe.example"),
        ("portal_login_link", "https://stripe.example; frame-ancestors *"),
        ("portal_login_link", "https://stripe.example;frame-ancestors"),
        ("portal_login_link", "https://*"),
        ("portal_login_link", "https://billing@stripe.example/"),
    ],
)
def test_a_bad_switch_saves_none_and_keeps_what_was_typed(desk: Page, acme: Vendor, name: str, value: str) -> None:
    before = vendors.switches_of(acme)
    desk.get("/User/Settings").submit({name: value, "release_allowance": "9"}, status=422)
    assert desk.soup.select_one(f"#{name}-e").get_text()
    shown = desk.soup.select_one(f"#{name}")
    assert (shown.get("value") or shown.get_text().removeprefix("\n")) == value
    assert desk.soup.select_one("#release_allowance")["value"] == "9"
    db.session.expire_all()
    assert vendors.switches_of(vendors.get(acme.id)) == before


def test_settings_change_the_own_vendor_only(page: Page, acme: Vendor) -> None:
    other = make_vendor(domain="other.example", name="Other")
    page.sign_in(make_staff(acme), vendor=acme).get("/User/Settings").submit({"grace_days": "9"})
    db.session.expire_all()
    assert vendors.switches_of(vendors.get(other.id)).grace_days == 3


def test_who_switches_the_second_step_on_is_told_why_they_are_asked_for_it(desk: Page, acme: Vendor) -> None:
    desk.get("/User/Settings").submit({"second_step_for_staff": "y"})
    desk.get(desk.location, status=303).follow()
    assert desk.path.startswith("/SignIn")
    assert "you too, now sign in again with a code from a mail" in desk.text
