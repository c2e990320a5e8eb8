"""The card in a vendor's site: framed only where allowed, without cookies, and every action leaves the frame."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from portal.associate import links
from portal.embed import service as embed
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from tests import factories
from tests.support.page import Page
from tests.support.tables import contents

CARD = "/Portal/@acme.example/Embed/Associate"


@pytest.fixture
def framed(acme: Vendor) -> Vendor:
    vendors.set_switch(acme, "embed_origins", "https://www.acme.example https://shop.acme.example:8443")
    db.session.commit()
    return acme


def ancestors(page: Page) -> str:
    return page.response.headers["Content-Security-Policy"].split("frame-ancestors ")[1]


def test_the_card_is_framed_by_the_vendors_origins_only(page: Page, framed: Vendor) -> None:
    page.get(CARD)
    assert ancestors(page) == "https://www.acme.example https://shop.acme.example:8443"
    assert "X-Frame-Options" not in page.response.headers
    assert page.response.headers["Referrer-Policy"] == "strict-origin"


def test_without_origins_a_notice_stands_there_that_nobody_may_frame(page: Page, acme: Vendor) -> None:
    page.get(CARD)
    assert ancestors(page) == "'none'"
    assert "cannot be shown here yet" in page.text


@pytest.mark.parametrize("origins", [True, False])
def test_every_action_opens_the_whole_window(page: Page, acme: Vendor, origins: bool) -> None:
    if origins:
        vendors.set_switch(acme, "embed_origins", "https://www.acme.example")
        db.session.commit()
    page.get(CARD)
    actions = page.soup.select("main a, main form")
    assert actions
    assert {action["target"] for action in actions} == {"_top"}
    assert all(str(action["href"]).startswith("http://localhost/Portal/@acme.example/") for action in actions)


def test_sign_up_is_on_the_card_only_while_it_is_open(page: Page, framed: Vendor) -> None:
    page.get(CARD)
    assert links.sign_up_link(framed) in [link["href"] for link in page.soup.select("main a")]
    vendors.set_switch(framed, "generic_sign_up", "off")
    db.session.commit()
    page.get(CARD)
    assert "auth=" not in page.html


def test_no_cookie_is_read_or_set_and_nobody_is_named(app: Flask, page: Page, framed: Vendor) -> None:
    user = factories.make_customer_user(framed)
    plain = Page(app).get(CARD).html
    page.sign_in(user).get("/Portal/@acme.example/Account/Leave").submit()
    page.client.set_cookie("latchkey-remember", "a.b", domain="localhost")

    page.get(CARD)
    assert page.html == plain
    assert "Set-Cookie" not in page.response.headers
    page.get("/Portal/@acme.example/")
    assert "You left the customer." in page.text, "the frame used up a message meant for the portal"


def test_the_card_writes_nothing(page: Page, framed: Vendor) -> None:
    before = contents()
    page.client.get(CARD)
    page.client.head(CARD)
    assert contents() == before


def test_every_other_page_refuses_framing(page: Page, framed: Vendor) -> None:
    for path in ("", "SignIn", "Associate?vid=1&auth=x"):
        page.client.get(f"/Portal/@acme.example/{path}")
        page.get(f"/Portal/@acme.example/{path}", status=404 if "auth" in path else 200)
        assert ancestors(page) == "'none'"


def test_the_snippet_is_an_iframe_in_a_sandbox(framed: Vendor) -> None:
    framed.name = 'Acme "& Sons" <x>'
    frame = BeautifulSoup(embed.snippet(framed), "html.parser").iframe
    assert frame is not None
    assert frame["src"] == "http://localhost/Portal/@acme.example/Embed/Associate"
    assert frame["title"] == framed.name
    assert "allow-top-navigation-by-user-activation" in str(frame["sandbox"])
    assert "allow-top-navigation " not in f"{frame['sandbox']} "
    assert frame["referrerpolicy"] == "strict-origin"
