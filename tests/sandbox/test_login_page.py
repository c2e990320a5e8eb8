"""The no-code login page: address, passcode, billing portal."""

import re

import pytest

from tests.sandbox.visitor import Visitor


@pytest.fixture
def login_url(client):
    """The login page of the account's default configuration."""
    return client.v1.billing_portal.configurations.list({"is_default": True}).data[0].login_page.url


def passcode(sandbox, email: str) -> str | None:
    """The newest passcode in the sandbox mailbox."""
    mailbox = Visitor(sandbox.url).open(f"{sandbox.url}/mail?to={email.replace('+', '%2B')}")
    found = re.search(r"\b\d{6}\b", mailbox.text)
    return found[0] if found else None


def test_the_address_is_filled_in_from_the_link(sandbox, login_url):
    visitor = Visitor(sandbox.url).open(f"{login_url}?prefilled_email=ada%2Btest%40example.com")

    assert visitor.soup.select_one("#email")["value"] == "ada+test@example.com"


def test_address_and_passcode_open_the_portal(sandbox, shop, login_url):
    shop.subscribe(shop.customer(email="ada+1@example.com"))
    visitor = Visitor(sandbox.url).open(login_url).send("Send passcode", email="ada+1@example.com")
    visitor.send("Continue", passcode=passcode(sandbox, "ada+1@example.com"))

    assert "Current plans" in visitor.text and "ada+1@example.com" in visitor.text
    assert "/p/session/test_" in visitor.url


def test_the_answer_is_the_same_for_unknown_addresses(sandbox, shop, login_url):
    shop.subscribe(shop.customer(email="known1@example.com"))
    pages = [
        Visitor(sandbox.url).open(login_url).send("Send passcode", email=email)
        for email in ("known1@example.com", "nobody@example.com")
    ]

    known, unknown = (page.text.replace("known1@", "").replace("nobody@", "") for page in pages)
    assert known == unknown
    assert passcode(sandbox, "nobody@example.com") is None
    assert pages[1].send("Continue", passcode="000000").status == 422


def test_a_wrong_passcode_is_refused_and_five_are_too_many(sandbox, shop, login_url):
    shop.subscribe(shop.customer(email="tries@example.com"))
    visitor = Visitor(sandbox.url).open(login_url).send("Send passcode", email="tries@example.com")
    right = passcode(sandbox, "tries@example.com")
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    for _ in range(5):
        assert visitor.send("Continue", passcode=wrong).status == 422

    assert visitor.send("Continue", passcode=right).status == 422


def test_a_passcode_works_once_and_for_ten_minutes(sandbox, shop, login_url):
    shop.subscribe(shop.customer(email="once@example.com"))
    visitor = Visitor(sandbox.url).open(login_url).send("Send passcode", email="once@example.com")
    page, right = visitor.url, passcode(sandbox, "once@example.com")
    assert visitor.send("Continue", passcode=right).status == 200
    assert visitor.open(page).send("Continue", passcode=right).status == 422

    visitor.open(login_url).send("Send passcode", email="once@example.com")
    sandbox.clock.move(minutes=10)
    assert visitor.send("Continue", passcode=passcode(sandbox, "once@example.com")).status == 422


def test_of_equal_addresses_the_newest_with_a_running_subscription_is_meant(sandbox, shop, login_url):
    older = shop.customer(email="twice@example.com", name="Older paying")
    newer = shop.customer(email="twice@example.com", name="Newer paying")
    shop.subscribe(newer)
    shop.subscribe(older)
    shop.customer(email="twice@example.com", name="Newest without")
    visitor = Visitor(sandbox.url).open(login_url).send("Send passcode", email="twice@example.com")
    visitor.send("Continue", passcode=passcode(sandbox, "twice@example.com"))

    assert "Newer paying" in visitor.text


def test_the_address_cannot_be_changed_this_way(sandbox, shop, client, login_url):
    customer = shop.customer(email="fixed@example.com")
    shop.subscribe(customer)
    visitor = Visitor(sandbox.url).open(login_url).send("Send passcode", email="fixed@example.com")
    visitor.send("Continue", passcode=passcode(sandbox, "fixed@example.com")).click("Update details")

    assert not visitor.soup.select("[name=email]")
    visitor.send("Save details", name="New", email="other@example.com")
    changed = client.v1.customers.retrieve(customer.id)
    assert (changed.name, changed.email) == ("New", "fixed@example.com")


def test_customers_of_another_account_are_not_found(sandbox, shop, login_url):
    from tests.sandbox.conftest import client_for

    other = client_for(sandbox, "sk_test_loginother")
    other.v1.customers.create({"email": "foreign@example.com"})
    Visitor(sandbox.url).open(login_url).send("Send passcode", email="foreign@example.com")

    assert passcode(sandbox, "foreign@example.com") is None


@pytest.mark.parametrize("email", ["", "nonsense", "a@b", "a\0@example.com"])
def test_a_bad_address_is_refused_and_kept(sandbox, login_url, email):
    visitor = Visitor(sandbox.url).open(login_url).send("Send passcode", email=email)

    assert visitor.status == 422
    assert "Enter an e-mail address" in visitor.text


@pytest.mark.parametrize("path", ["test_nobody", "%00", "test_nobody/attempt", "x" * 4000])
def test_an_unknown_login_page_is_a_friendly_404(sandbox, path):
    assert Visitor(sandbox.url).open(f"{sandbox.url}/p/login/{path}").status == 404


def test_an_attempt_of_another_login_page_does_not_work(sandbox, shop, client, login_url):
    own = shop.configure()
    other = client.v1.billing_portal.configurations.update(own.id, {"login_page": {"enabled": True}}).login_page.url
    visitor = Visitor(sandbox.url).open(login_url).send("Send passcode", email="ada@example.com")
    attempt = visitor.url.rpartition("/")[2]

    assert visitor.open(f"{other}/{attempt}").status == 404
