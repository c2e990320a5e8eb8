"""Payment links, and the page like a pricing table."""

import pytest
import requests
import stripe

from tests.sandbox.visitor import Visitor


@pytest.fixture
def link(client, shop):
    """A link that sells the monthly plan."""

    def make(**more):
        return client.v1.payment_links.create({"line_items": [{"price": shop.monthly.id, "quantity": 2}], **more})

    return make


def test_a_link_sells_again_and_again(client, sandbox, shop, link):
    made = link(metadata={"skm_product_id": "3"}, subscription_data={"metadata": {"from": "link"}})
    for email in ("ada@example.com", "grace@example.com"):
        person = Visitor(sandbox.url).open(f"{made.url}?client_reference_id=order-1&prefilled_email=ada%40example.com")
        assert person.soup.select_one("#email")["value"] == "ada@example.com"
        person.send("Pay", email=email)
        assert "payment is received" in person.text
    sessions = client.v1.checkout.sessions.list({"payment_link": made.id}).data
    subscription = client.v1.subscriptions.retrieve(sessions[0].subscription)

    assert [session.customer_details.email for session in sessions] == ["grace@example.com", "ada@example.com"]
    assert {session.client_reference_id for session in sessions} == {"order-1"}
    assert sessions[0].metadata["skm_product_id"] == "3"
    assert sessions[0].success_url is None
    assert subscription.metadata.to_dict() == {"from": "link"}
    assert subscription["items"].data[0].quantity == 2


def test_a_bad_reference_is_dropped_silently(client, sandbox, link):
    Visitor(sandbox.url).open(f"{link().url}?client_reference_id=User/42")

    assert client.v1.checkout.sessions.list().data[0].client_reference_id is None


def test_a_link_for_one_order(client, sandbox, shop, link):
    made = link(
        restrictions={"completed_sessions": {"limit": 1}},
        after_completion={"type": "redirect", "redirect": {"url": "https://shop.example/thanks"}},
    )
    person = Visitor(sandbox.url).open(made.url).send("Pay", email="ada@example.com")
    assert person.left_for == "https://shop.example/thanks"
    assert client.v1.payment_links.retrieve(made.id).restrictions.completed_sessions.count == 1
    assert requests.get(made.url, timeout=10).status_code == 410


def test_a_link_changes_and_closes(client, sandbox, shop, link):
    made = link(subscription_data={"metadata": {"old": "1"}})
    client.v1.payment_links.update(
        made.id, {"active": False, "inactive_message": "Sold out", "subscription_data": {"metadata": {"new": "2"}}}
    )
    found = client.v1.payment_links.retrieve(made.id, {"expand": ["line_items"]})

    assert found.subscription_data.metadata.to_dict() == {"new": "2"}
    assert found.line_items.data[0].price.id == shop.monthly.id
    assert client.v1.payment_links.list({"active": True}).data == []
    assert client.v1.payment_links.line_items.list(made.id).data[0].quantity == 2
    assert "Sold out" in Visitor(sandbox.url).open(made.url).text


def test_a_link_for_a_single_payment(client, sandbox, shop):
    once = client.v1.prices.create({"product": shop.product.id, "currency": "usd", "unit_amount": 4900})
    made = client.v1.payment_links.create(
        {
            "line_items": [{"price": once.id, "quantity": 1}],
            "customer_creation": "always",
            "invoice_creation": {"enabled": True},
            "payment_intent_data": {"metadata": {"from": "link"}},
        }
    )
    Visitor(sandbox.url).open(made.url).send("Pay", email="ada@example.com")
    [session] = client.v1.checkout.sessions.list({"expand": ["data.payment_intent"]}).data

    assert session.payment_intent.metadata["from"] == "link"
    assert session.invoice
    assert session.customer
    with pytest.raises(stripe.InvalidRequestError, match="does not fit"):
        client.v1.payment_links.update(made.id, {"subscription_data": {"metadata": {"a": "b"}}})


def test_a_pricing_table_brings_only_a_reference(client, sandbox, shop):
    shop.monthly  # noqa: B018 (made now)
    account = client.v1.accounts.retrieve_current().id
    person = Visitor(sandbox.url).open(
        f"{sandbox.url}/pricing/{account}?client_reference_id=order_7&customer_email=ada%40example.com"
    )
    assert "Cartograph Pro" in person.text
    person.send("Buy").send("Pay")
    [session] = client.v1.checkout.sessions.list({"expand": ["data.subscription"]}).data

    assert (session.client_reference_id, session.metadata.to_dict()) == ("order_7", {})
    assert (session.payment_status, session.customer_email) == ("paid", "ada@example.com")
    assert session.subscription.metadata.to_dict() == {}


def test_unknown_links_and_tables(sandbox, client, shop):
    account = client.v1.accounts.retrieve_current().id
    for path in ("/b/test_none", "/pricing/acct_none"):
        assert requests.get(sandbox.url + path, timeout=10).status_code == 404
    assert requests.post(f"{sandbox.url}/pricing/{account}", {"price": "x"}, timeout=10).status_code == 404
    assert "Nothing is for sale" in Visitor(sandbox.url).open(f"/pricing/{account}").text
