"""Lists, paging and expansion."""

import pytest
import stripe


@pytest.fixture
def names(client):
    """Seven customers, oldest first."""
    return [client.v1.customers.create({"name": f"Customer {number}"}).id for number in range(7)]


def test_lists_are_newest_first_and_say_if_there_is_more(client, names):
    page = client.v1.customers.list({"limit": 3})

    assert [entry.id for entry in page.data] == names[:3:-1]
    assert (page.has_more, page.url, page.object) == (True, "/v1/customers", "list")


def test_starting_after_goes_on_where_the_page_ended(client, names):
    page = client.v1.customers.list({"limit": 3, "starting_after": names[4]})

    assert [entry.id for entry in page.data] == [names[3], names[2], names[1]]
    assert page.has_more
    assert not client.v1.customers.list({"limit": 3, "starting_after": names[1]}).has_more


def test_ending_before_goes_back_in_the_same_order(client, names):
    page = client.v1.customers.list({"limit": 2, "ending_before": names[2]})

    assert [entry.id for entry in page.data] == [names[4], names[3]]
    assert page.has_more


def test_the_sdk_pages_through_everything_in_both_directions(client, names):
    forward = client.v1.customers.list({"limit": 2}).auto_paging_iter()
    backward = client.v1.customers.list({"limit": 2, "ending_before": names[0]}).auto_paging_iter()

    assert [entry.id for entry in forward] == names[::-1]
    assert [entry.id for entry in backward] == names[1:]


def test_both_cursors_at_once_are_refused(client, names):
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        client.v1.customers.list({"starting_after": names[1], "ending_before": names[5]})


def test_the_default_page_has_ten(client):
    for _ in range(11):
        client.v1.customers.create({})

    page = client.v1.customers.list()
    assert (len(page.data), page.has_more) == (10, True)


def test_created_filters_by_time(client, sandbox):
    early = client.v1.customers.create({})
    sandbox.clock.move(hours=1)
    late = client.v1.customers.create({})

    def ids(**created):
        return [entry.id for entry in client.v1.customers.list({"created": created}).data]

    assert ids(gte=late.created) == [late.id]
    assert ids(lt=late.created) == [early.id]
    assert ids(gt=early.created, lte=late.created) == [late.id]


def test_an_exact_time_is_a_filter_too(client, raw, sandbox):
    customer = client.v1.customers.create({})
    sandbox.clock.move(hours=1)
    client.v1.customers.create({})

    found = raw("GET", f"/v1/customers?created={customer.created}").json()["data"]
    assert [entry["id"] for entry in found] == [customer.id]


def test_ids_become_objects_when_asked(client, shop):
    made = shop.subscribe()
    found = client.v1.subscriptions.retrieve(made.id, {"expand": ["customer", "latest_invoice.customer"]})

    assert found.customer.email == "ada@example.com"
    assert found.latest_invoice.customer.id == found.customer.id
    assert isinstance(made.customer, str) and isinstance(made.latest_invoice, str)


def test_lists_expand_under_data(client, shop):
    made = shop.subscribe()
    page = client.v1.subscriptions.list(
        {"customer": made.customer, "expand": ["data.default_payment_method", "data.customer.invoice_settings"]}
    )

    assert page.data[0].customer.name == "Ada Example"


def test_products_of_items_expand_on_a_single_subscription(client, shop):
    made = shop.subscribe()
    found = client.v1.subscriptions.retrieve(made.id, {"expand": ["items.data.price.product"]})

    assert found["items"].data[0].price.product.name == "Cartograph Pro"


def test_five_levels_are_too_many_as_at_stripe(client, shop):
    shop.subscribe()

    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        client.v1.subscriptions.list({"expand": ["data.items.data.price.product"]})


def test_writing_answers_can_be_expanded(client, shop):
    made = shop.subscribe(expand=["latest_invoice"])

    assert made.latest_invoice.status == "paid"


def test_subscriptions_of_a_customer_appear_on_request_only(client, shop):
    made = shop.subscribe()

    assert "subscriptions" not in client.v1.customers.retrieve(made.customer).to_dict()
    expanded = client.v1.customers.retrieve(made.customer, {"expand": ["subscriptions"]})
    assert [entry.id for entry in expanded.subscriptions.data] == [made.id]


@pytest.mark.parametrize("path", ["email", "nothing", "customer.nothing", "id"])
def test_what_is_no_object_cannot_be_expanded(client, shop, path):
    made = shop.subscribe()

    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.subscriptions.retrieve(made.id, {"expand": [path]})


def test_a_bill_shows_ten_lines_and_the_others_are_asked_for(client):
    customer = client.v1.customers.create({"email": "ada@mail.example"})
    bill = client.v1.invoices.create(
        {"customer": customer.id, "collection_method": "send_invoice", "days_until_due": 3}
    )
    for amount in range(12):
        item = {"customer": customer.id, "invoice": bill.id, "amount": 100 + amount, "currency": "usd"}
        client.v1.invoice_items.create(item)
    bill = client.v1.invoices.finalize_invoice(bill.id)
    lines = client.v1.invoices.line_items
    whole = [line.id for line in lines.list(bill.id, {"limit": 5}).auto_paging_iter()]

    assert (len(bill.lines.data), bill.lines.has_more) == (10, True)
    assert [line.id for line in bill.lines.data] == whole[:10]
    assert len(set(whole)) == 12
    assert [line.id for line in lines.list(bill.id, {"ending_before": whole[4], "limit": 2}).data] == whole[2:4]
    assert not lines.list(bill.id, {"starting_after": whole[9]}).has_more
    with pytest.raises(stripe.InvalidRequestError, match="No such line item"):
        lines.list(bill.id, {"starting_after": "il_none"})
