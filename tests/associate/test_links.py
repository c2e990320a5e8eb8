"""Association links: their shape, and that no altered one opens anything."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import clock
from portal.associate import links
from portal.customers.models import Customer
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from portal.vendors.service import VendorProfile
from tests import factories

KEEP_APP = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)


def query_of(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query, keep_blank_values=True).items()}


def opened(vendor: VendorProfile, query: dict[str, str]) -> links.Claim | None:
    return links.read_link(vendor, query)[2]


@pytest.fixture
def customer(acme: Vendor) -> Customer:
    return factories.make_customer(acme)


def test_both_links_have_the_documented_shape(acme: Vendor, customer: Customer) -> None:
    generic, personal = links.sign_up_link(acme), links.personal_link(acme, customer)
    start = "http://localhost/Portal/@acme.example/Associate?"

    assert generic.startswith(f"{start}vid={acme.id}&auth=")
    assert personal is not None and personal.startswith(f"{start}id={customer.id}&auth=")


def test_a_link_reads_the_same_until_it_is_rotated(acme: Vendor, customer: Customer) -> None:
    before = links.sign_up_link(acme), links.personal_link(acme, customer)
    assert before == (links.sign_up_link(acme), links.personal_link(acme, customer))
    assert links.sign_up_link(vendors.profile_of(acme)) == before[0]

    links.rotate_sign_up(acme)
    links.rotate_personal(acme, customer)
    assert links.sign_up_link(acme) != before[0]
    assert links.personal_link(acme, customer) != before[1]


def test_there_is_a_personal_link_only_with_association_enabled_and_not_revoked(
    acme: Vendor, customer: Customer
) -> None:
    links.revoke_personal(acme, customer)
    assert links.personal_link(acme, customer) is None
    links.rotate_personal(acme, customer)
    assert links.personal_link(acme, customer) is not None
    customer.enable_customer_association = False
    assert links.personal_link(acme, customer) is None


def test_an_expiry_is_part_of_the_link(app: Flask) -> None:
    vendor = factories.make_vendor(personal_link_days=30)
    customer = factories.make_customer(vendor)
    assert links.personal_expiry(vendor, customer) == customer.link_made_at + timedelta(days=30)

    claim = opened(vendors.profile_of(vendor), query_of(str(links.personal_link(vendor, customer))))
    assert claim is not None
    assert claim.until == int((customer.link_made_at + timedelta(days=30)).timestamp())


def test_a_good_link_becomes_a_claim(acme: Vendor, customer: Customer) -> None:
    profile = vendors.profile_of(acme)
    assert opened(profile, query_of(links.sign_up_link(acme))) == links.Claim("generic", acme.id, acme.sign_up_nonce)
    personal = opened(profile, query_of(str(links.personal_link(acme, customer))))
    assert personal == links.Claim("personal", customer.id, customer.link_nonce)
    assert links.path_of(acme, personal) == str(links.personal_link(acme, customer)).removeprefix("http://localhost")


def test_a_link_opens_nothing_for_another_id_purpose_or_vendor(acme: Vendor, globex: Vendor) -> None:
    first, second = factories.make_customer(acme), factories.make_customer(acme)
    mine, theirs = vendors.profile_of(acme), vendors.profile_of(globex)
    personal, generic = query_of(str(links.personal_link(acme, first))), query_of(links.sign_up_link(acme))

    assert opened(mine, {**personal, "id": str(second.id)}) is None
    assert opened(theirs, personal) is None
    assert opened(theirs, {**generic, "vid": str(globex.id)}) is None
    assert opened(mine, {"vid": personal["id"], "auth": personal["auth"]}) is None
    assert opened(mine, {"id": generic["vid"], "auth": generic["auth"]}) is None
    assert opened(mine, {**generic, **personal}) is None


@pytest.mark.parametrize(
    "number",
    ["", "0", "-1", "+1", "01", "1_0", " 1", "1 ", "1.0", "١", "1e0", "9223372036854775808", "4294967297"],
)
def test_an_id_in_another_spelling_opens_nothing(acme: Vendor, customer: Customer, number: str) -> None:
    query = query_of(str(links.personal_link(acme, customer)))
    _kind, wanted, claim = links.read_link(vendors.profile_of(acme), {**query, "id": number})
    assert claim is None
    assert wanted < 2**31


@KEEP_APP
@given(data=st.data())
def test_no_altered_code_verifies(app: Flask, data: st.DataObject) -> None:
    """Flipped, inserted, appended, dropped or doubled characters, padding and non-ASCII included."""
    vendor = db.session.query(Vendor).first() or factories.make_vendor()
    customer = db.session.query(Customer).first() or factories.make_customer(vendor)
    link = data.draw(st.sampled_from([links.sign_up_link(vendor), str(links.personal_link(vendor, customer))]))
    query = query_of(link)
    code = query["auth"]
    place = data.draw(st.integers(0, len(code) - 1))
    letters = data.draw(st.text(st.sampled_from("Aa0_-=.%+/ é١\u200b\0\n") | st.characters(), min_size=1, max_size=3))
    altered = data.draw(
        st.sampled_from(
            [
                code[:place] + letters + code[place + 1 :],
                code[:place] + letters + code[place:],
                code + letters,
                letters + code,
                code[:place] + code[place + 1 :],
                code[: place + 1],
                code + code,
                code.swapcase(),
            ]
        )
    )
    profile = vendors.profile_of(vendor)
    assert opened(profile, query) is not None
    if altered != code:
        assert opened(profile, {**query, "auth": altered}) is None


@KEEP_APP
@given(number=st.integers(1, 2**31 - 1))
def test_a_code_opens_its_own_id_only(app: Flask, number: int) -> None:
    vendor = db.session.query(Vendor).first() or factories.make_vendor()
    customer = db.session.query(Customer).first() or factories.make_customer(vendor)
    query = query_of(str(links.personal_link(vendor, customer)))
    claim = opened(vendors.profile_of(vendor), {**query, "id": str(number)})
    assert (claim is not None) == (number == customer.id)


def test_every_last_letter_but_the_right_one_is_refused(acme: Vendor, customer: Customer) -> None:
    """Base64 has spare bits at the end: four letters decode alike, one is ours."""
    query = query_of(str(links.personal_link(acme, customer)))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    good = [a for a in alphabet if opened(vendors.profile_of(acme), {**query, "auth": query["auth"][:-1] + a})]
    assert good == [query["auth"][-1]]


def test_a_kept_claim_is_good_for_a_day_and_for_its_vendor(acme: Vendor, globex: Vendor) -> None:
    mine, theirs = vendors.profile_of(acme), vendors.profile_of(globex)
    claim = links.Claim("personal", 7, "nonce", 5)
    text = links.write_claim(mine, claim)

    assert links.read_claim(text, mine) == claim
    assert links.read_claim(text, theirs) is None
    assert links.vendor_of_claim(text) == acme.id
    clock.move(timedelta(hours=25))
    assert links.read_claim(text, mine) is None


def test_the_qr_code_is_a_plain_inline_picture(acme: Vendor) -> None:
    picture = links.qr_svg(links.sign_up_link(acme))
    soup = BeautifulSoup(picture, "html.parser")
    assert soup.svg is not None and soup.svg["width"]
    assert not soup.select("[style], script, style")
    assert picture != links.qr_svg(links.sign_up_link(acme) + "x")
