"""Deep links into one task, sessions that run out, languages, and the way back."""

import pytest

from tests.sandbox.visitor import Visitor

BACK = "https://portal.example.com/Billing/Return"


@pytest.fixture
def flow(sandbox, client, shop):
    """Open a session for one task: `flow("subscription_cancel", subscription, after=…)`."""

    def open_flow(kind: str, made, after=None, **given) -> Visitor:
        data = {"type": kind}
        if kind != "payment_method_update":
            data[kind] = {"subscription": made.id, **given}
        if after:
            data["after_completion"] = after
        session = client.v1.billing_portal.sessions.create(
            {
                "customer": made.customer,
                "configuration": shop.configure().id,
                "return_url": BACK,
                "flow_data": data,
            }
        )
        assert session.flow.type == kind
        return Visitor(sandbox.url).open(session.url)

    return open_flow


REDIRECT = {"type": "redirect", "redirect": {"return_url": "https://elsewhere.example.com/done?x=1"}}


def test_a_cancel_link_opens_the_cancel_page_and_leads_back(client, shop, flow):
    made = shop.subscribe()
    visitor = flow("subscription_cancel", made, REDIRECT)
    assert visitor.soup.h1.get_text() == "Cancel your plan"
    assert not visitor.soup.select("nav") and not visitor.has_link("Back to billing")

    visitor.send("Cancel plan")
    assert visitor.left_for == "https://elsewhere.example.com/done?x=1"
    assert client.v1.subscriptions.retrieve(made.id).cancel_at


def test_leaving_a_task_changes_nothing(client, shop, flow):
    made = shop.subscribe()

    assert flow("subscription_cancel", made).click("Go back without").left_for == BACK
    assert client.v1.subscriptions.retrieve(made.id).cancel_at is None


def test_a_card_link_confirms_on_the_page(client, shop, flow):
    made = shop.subscribe()
    after = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "Thank you, Ada!"}}
    visitor = flow("payment_method_update", made, after)
    assert visitor.soup.h1.get_text() == "Add a card"
    visitor.send("Save card", card="pm_card_amex")

    assert "Thank you, Ada!" in visitor.text
    assert visitor.click("Return to the site").left_for == BACK
    default = client.v1.customers.retrieve(made.customer).invoice_settings.default_payment_method
    assert client.v1.payment_methods.retrieve(default).card.last4 == "0005"


def test_an_update_link_ends_on_the_portals_first_page(client, shop, flow):
    made = shop.subscribe()
    visitor = flow("subscription_update", made)
    visitor.send("Continue", price=shop.yearly.id).send("Confirm")

    assert visitor.url.endswith("/home?done=1") and "$100.00 per year" in visitor.text


def test_a_confirm_link_opens_the_last_step(client, shop, flow):
    made = shop.subscribe()
    items = [{"id": made["items"].data[0].id, "price": shop.yearly.id}]
    visitor = flow("subscription_update_confirm", made, REDIRECT, items=items)
    assert "$100.00 per year" in visitor.text
    visitor.send("Confirm")

    assert visitor.left_for == REDIRECT["redirect"]["return_url"]
    assert client.v1.subscriptions.retrieve(made.id)["items"].data[0].price.id == shop.yearly.id


def test_a_task_done_twice_says_that_it_is_done(shop, flow):
    made = shop.subscribe()
    visitor = flow("subscription_cancel", made)
    page = visitor.url
    visitor.send("Cancel plan")

    assert visitor.open(page).status == 409
    assert "Ends on" in visitor.text


@pytest.fixture
def link(client, shop):
    """The address of a fresh session."""
    made = shop.subscribe()
    return client.v1.billing_portal.sessions.create({"customer": made.customer, "return_url": BACK}).url


def test_an_unused_link_lives_five_minutes(sandbox, link):
    sandbox.clock.move(minutes=5)

    assert Visitor(sandbox.url).open(link).status == 404


def test_a_used_link_lives_an_hour_after_the_last_step_and_two_in_all(sandbox, link):
    visitor = Visitor(sandbox.url)
    sandbox.clock.move(minutes=4)
    assert visitor.open(link).status == 200
    sandbox.clock.move(minutes=55)
    assert visitor.open(link).status == 200
    sandbox.clock.move(minutes=59)
    assert visitor.open(link).status == 200
    sandbox.clock.move(minutes=3)
    assert visitor.open(link).status == 404


def test_an_idle_session_ends_after_an_hour(sandbox, link):
    visitor = Visitor(sandbox.url).open(link)
    sandbox.clock.move(minutes=60)

    assert visitor.open(link).status == 404
    assert "open billing again" in visitor.text


@pytest.mark.parametrize("token", ["test_x", "%00", "%FF", "x" * 5000, "..", "test_%F0%9F%A6%94"])
@pytest.mark.parametrize("path", ["", "/home", "/card", "/cancel/sub_x"])
def test_an_unknown_link_is_a_friendly_404(sandbox, token, path):
    visitor = Visitor(sandbox.url).open(f"{sandbox.url}/p/session/{token}{path}")

    assert visitor.status == 404
    assert "This page is not available" in visitor.text


def test_wrong_methods_are_friendly_too(sandbox, link):
    assert Visitor(sandbox.url).open(f"{link}/home", "DELETE").status == 404
    assert Visitor(sandbox.url).open(link, "POST").status == 404


def test_the_token_is_not_stored(sandbox, link):
    token = link.rpartition("/")[2]
    lines = sandbox.app.extensions["sandbox"].store.connection().iterdump()

    # The answers remembered for repeated requests are the one place where it must stand.
    assert not [line for line in lines if token in line and 'INTO "idempotent_requests"' not in line]


def test_the_session_of_a_deleted_customer_is_over(sandbox, client, shop):
    customer = shop.customer()
    session = client.v1.billing_portal.sessions.create({"customer": customer.id})
    client.v1.customers.delete(customer.id)

    assert Visitor(sandbox.url).open(session.url).status == 404


def test_dates_and_money_follow_the_language_of_the_session(sandbox, client, shop):
    made = shop.subscribe()
    session = client.v1.billing_portal.sessions.create({"customer": made.customer, "locale": "de"})
    visitor = Visitor(sandbox.url).open(session.url)

    assert visitor.soup.html["lang"] == "de"
    assert "28. Juni 2026" in visitor.text and "10,00\xa0$" in str(visitor.soup)


def test_without_a_locale_the_customers_then_the_browsers_language_decides(sandbox, client, shop):
    made = shop.subscribe(shop.customer(preferred_locales=["fr"]))
    plain = shop.subscribe()

    def language(customer, locale="auto"):
        session = client.v1.billing_portal.sessions.create({"customer": customer, "locale": locale})
        return Visitor(sandbox.url, language="it-IT,it;q=0.9").open(session.url).soup.html["lang"]

    assert language(made.customer) == "fr"
    assert language(plain.customer) == "it-IT"
    assert language(plain.customer, "pt-BR") == "pt-BR"
