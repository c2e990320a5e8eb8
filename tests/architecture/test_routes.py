"""Every route is marked, and the marks hold: route × role × tenant."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from portal import access
from portal.extensions import db
from portal.staff.models import StaffInvitation, StaffMember
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests import factories
from tests.support import routes
from tests.support.page import Page

ROLES = ("viewer", "support", "admin", "owner")
NOT_CHECKED = ("static",)  # files, and pages of the demo that production does not register
ARGUMENT = re.compile(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>")


def _rules(app: Flask) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in NOT_CHECKED and not rule.rule.startswith("/dev"):
            yield rule


def test_every_route_is_marked(app: Flask) -> None:
    assert not [
        rule.rule for rule in app.url_map.iter_rules() if access.mark_of(app.view_functions[rule.endpoint]) is None
    ]


def test_the_list_of_routes_is_current(app: Flask) -> None:
    assert routes.FILE.read_text("utf-8") == routes.table(app), "run `make routes`"


def test_the_first_segment_of_a_customer_page_is_its_package(app: Flask) -> None:
    account = ("SignIn", "SignOut", "ConfirmEmail", "ForgotPassword", "ResetPassword", "Account", "FindLicenses")
    elsewhere = {
        "": "home",
        "theme.css": "home",
        "Plans": "billing",
        "Claim": "fulfillment",
        **dict.fromkeys(account, "account"),
    }
    exceptions = {"/Portal/@<domain:domain>/Account/Leave": "associate"}
    wrong = []
    for rule in _rules(app):
        if not rule.rule.startswith("/Portal/@"):
            continue
        segment = rule.rule.split("/")[3]
        package = app.view_functions[rule.endpoint].__module__.split(".")[1]
        if package != exceptions.get(rule.rule, elsewhere.get(segment, segment.lower())):
            wrong.append((rule.rule, package))
    assert not wrong


@pytest.fixture
def records(acme: Vendor, globex: Vendor) -> dict[str, str]:
    """A record of Acme for every argument a route may take; Globex has none with these numbers."""
    for kind in ("customer", "product", "license", "data_object"):
        vendors.next_ids(acme, kind, 500)
    db.session.commit()
    product = factories.make_product(acme)
    customer = factories.make_customer(acme)
    license = factories.make_license(acme, product, customer)
    data_object = factories.set_terms(acme)
    member = factories.make_staff(acme, "viewer")
    ids = {"id": customer.id, "customer_id": customer.id, "product_id": product.id, "global_id": license.global_id}
    ids |= {"data_object_id": data_object.id, "object_id": data_object.id, "user_id": member.id, "member_id": member.id}
    ids |= {"invitation_id": _invitation(acme), "session_id": 2**31 - 1, "request_id": 2**31 - 1, "entry_id": 2**31 - 1}
    ids |= {"finding_id": _finding(acme), "event_id": _event(acme)}
    return {name: str(value) for name, value in ids.items()} | {"domain": "acme.example"}


def _finding(vendor: Vendor) -> int:
    from portal.reconciliation.models import Finding

    finding = Finding(vendor_id=vendor.id, kind="charged_without_key", subject="sub_1")
    db.session.add(finding)
    db.session.commit()
    return finding.id


def _event(vendor: Vendor) -> int:
    from portal import clock
    from portal.webhooks.models import StripeEvent

    told = {"event_id": "evt_1", "sha256": "0" * 64, "raw": "", "type": "invoice.paid", "created_at": clock.now()}
    event = StripeEvent(vendor_id=vendor.id, state="parked", **told)
    db.session.add(event)
    db.session.commit()
    return event.id


def _invitation(vendor: Vendor) -> int:
    from datetime import timedelta

    from portal import clock

    invitation = StaffInvitation(
        vendor_id=vendor.id,
        email="new@mail.example",
        role="viewer",
        token_digest="x",
        invited_by="owner",
        expires_at=clock.now() + timedelta(days=1),
    )
    db.session.add(invitation)
    db.session.commit()
    return invitation.id


def _address(rule: Rule, records: dict[str, str]) -> str:
    missing = [name for name in ARGUMENT.findall(rule.rule) if name not in records]
    assert not missing, f"{rule.rule}: the test knows no record for {missing}"
    return ARGUMENT.sub(lambda found: records[found.group(1)], rule.rule)


def _status(page: Page, method: str, address: str) -> int:
    import contextvars

    db.session.commit()
    page.response = contextvars.Context().run(
        lambda: page.client.open(address, method=method, base_url="http://localhost")
    )
    assert page.response.status_code < 500, f"{method} {address}: {page.response.status}"
    return page.response.status_code


def _sent_to_sign_in(page: Page) -> bool:
    return page.response.status_code == 303 and "/SignIn" in page.location


def test_without_a_session_closed_pages_lead_to_sign_in_and_closed_forms_answer_401(
    app: Flask, records: dict[str, str]
) -> None:
    page = Page(app)
    wrong = []
    for rule in _rules(app):
        mark = access.mark_of(app.view_functions[rule.endpoint])
        if mark is None or mark.kind in ("public", "token", "signed"):
            continue
        for method in (rule.methods or set()) & {"GET", "POST"}:
            status = _status(page, method, _address(rule, records))
            if not (status == 401 if method == "POST" else _sent_to_sign_in(page)):
                wrong.append((method, rule.rule, status))
    assert not wrong


@pytest.mark.parametrize("role", [*ROLES, "customer", "nobody"])
def test_staff_pages_open_for_their_role_and_higher_ones_only(
    app: Flask, acme: Vendor, records: dict[str, str], role: str
) -> None:
    user = factories.make_staff(acme, role) if role in ROLES else factories.make_user()
    if role == "customer":
        factories.make_association(user, factories.make_customer(acme))
    page = Page(app).sign_in(user, vendor=acme)
    wrong = []
    for rule in _rules(app):
        mark = access.mark_of(app.view_functions[rule.endpoint])
        if mark is None or mark.kind != "staff":
            continue
        allowed = role in ROLES and access.at_least(role, str(mark.role))
        for method in (rule.methods or set()) & {"GET", "POST"}:
            status = _status(page, method, _address(rule, records))
            refused = status == 403
            # a POST without a token is refused later (400), never 403, when the role would do
            if refused == allowed:
                wrong.append((method, rule.rule, status))
    assert not wrong


def test_another_vendors_record_is_not_found(app: Flask, globex: Vendor, records: dict[str, str]) -> None:
    owner = factories.make_staff(globex)
    page = Page(app).sign_in(owner, vendor=globex)
    checked = []
    for rule in _rules(app):
        mark = access.mark_of(app.view_functions[rule.endpoint])
        names = set(ARGUMENT.findall(rule.rule)) - {"domain"}
        if mark is None or mark.kind != "staff" or not names:
            continue
        for method in (rule.methods or set()) & {"GET", "POST"}:
            address = _address(rule, records)
            data = {"csrf_token": _token(page), "vendor": str(globex.id)} if method == "POST" else None
            page._send(method, address, status=404, data=data) if data else page.get(address, status=404)
            checked.append(rule.rule)
    assert len(checked) > 8


def _token(page: Page) -> str:
    page.get("/Customer/Create")
    return str(page.soup.select_one("input[name=csrf_token]")["value"])  # type: ignore[index]


def test_a_customer_of_one_vendor_sees_nothing_of_another(app: Flask, globex: Vendor, records: dict[str, str]) -> None:
    stranger = factories.make_customer_user(vendor=globex)
    page = Page(app).sign_in(stranger)
    for rule in _rules(app):
        mark = access.mark_of(app.view_functions[rule.endpoint])
        if mark is None or mark.kind != "customer" or "GET" not in (rule.methods or set()):
            continue
        status = _status(page, "GET", _address(rule, records))
        assert status in (303, 404), (rule.rule, status)
        assert "/Licenses" not in page.location, rule.rule


def test_a_former_staff_member_is_out_at_once(app: Flask, acme: Vendor) -> None:
    user = factories.make_staff(acme)
    page = Page(app).sign_in(user, vendor=acme)
    page.get("/Customer")
    db.session.delete(db.session.get(StaffMember, (acme.id, user.id)))
    db.session.commit()

    page.get("/Customer", status=403)
