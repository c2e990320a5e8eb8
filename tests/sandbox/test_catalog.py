"""Products and prices."""

import pytest
import stripe


def test_a_product_may_have_an_id_of_our_choice_once(client):
    made = client.v1.products.create({"id": "skm_prod_7", "name": "Seven", "metadata": {"skm_product_id": "7"}})

    assert client.v1.products.retrieve("skm_prod_7").to_dict() == made.to_dict()
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.products.create({"id": "skm_prod_7", "name": "Again"})
    assert refusal.value.code == "resource_already_exists"


def test_product_and_price_are_made_in_one_call(client):
    made = client.v1.products.create(
        {
            "name": "Pro",
            "default_price_data": {"currency": "USD", "unit_amount": 900, "recurring": {"interval": "month"}},
            "expand": ["default_price"],
        }
    )

    assert (made.default_price.unit_amount, made.default_price.currency) == (900, "usd")
    assert made.default_price.product == made.id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("unit_label", "x" * 13),
        ("statement_descriptor", "x" * 23),
        ("statement_descriptor", "1234"),
        ("statement_descriptor", "a<b"),
        ("url", "nonsense"),
        ("images", ["http://a"] * 9),
        ("name", ""),
    ],
)
def test_stripes_limits_of_products_hold(client, field, value):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.products.create({"name": "Pro"} | {field: value})
    assert refusal.value.http_status == 400


def test_products_are_listed_by_state_and_ids(client):
    on = client.v1.products.create({"name": "On"})
    off = client.v1.products.create({"name": "Off", "active": False})

    def ids(**given):
        return [entry.id for entry in client.v1.products.list(given).data]

    assert (ids(active=True), ids(active=False), ids(ids=[off.id]), ids(ids=["none"])) == (
        [on.id],
        [off.id],
        [off.id],
        [],
    )


def test_a_product_is_updated_and_its_time_noted(client, sandbox):
    made = client.v1.products.create({"name": "Old", "description": "d"})
    sandbox.clock.move(minutes=5)
    changed = client.v1.products.update(made.id, {"name": "New", "description": "", "active": False})

    assert (changed.name, changed.description, changed.active) == ("New", None, False)
    assert changed.updated == made.updated + 300


def test_only_a_product_without_prices_can_be_deleted(client, shop):
    with_price = shop.monthly.product
    alone = client.v1.products.create({"name": "Alone"})

    assert client.v1.products.delete(alone.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.products.retrieve(alone.id)
    assert refusal.value.http_status == 404
    with pytest.raises(stripe.InvalidRequestError, match="user-created prices"):
        client.v1.products.delete(with_price)


def test_a_price_names_amount_and_rhythm(shop):
    price = shop.price(1500, "week", recurring={"interval": "week", "interval_count": 2}, nickname="fortnight")

    assert (price.type, price.unit_amount, price.unit_amount_decimal) == ("recurring", 1500, 1500)
    assert (price.recurring.interval, price.recurring.interval_count) == ("week", 2)
    assert price.recurring.usage_type == "licensed"


def test_a_price_brings_its_product_along(client):
    price = client.v1.prices.create({"currency": "eur", "unit_amount": 5, "product_data": {"name": "Inline"}})

    assert price.type == "one_time"
    assert client.v1.products.retrieve(price.product).name == "Inline"


@pytest.mark.parametrize(
    "change",
    [
        {"product": "prod_nobody"},
        {"product": ""},
        {"currency": "dollars"},
        {"unit_amount": -1},
        {"unit_amount": 10**9},
        {"recurring": {"interval": "decade"}},
        {"recurring": {"interval_count": 2}},
        {"product_data": {"name": "Both"}},
    ],
)
def test_a_bad_price_is_refused(client, shop, change):
    good = {"product": shop.product.id, "currency": "usd", "unit_amount": 1}

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.prices.create(good | change)
    assert refusal.value.http_status == 400


def test_amount_and_rhythm_never_change(client, shop):
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: unit_amount"):
        client.v1.prices.update(shop.monthly.id, {"unit_amount": 1})
    changed = client.v1.prices.update(shop.monthly.id, {"active": False, "tax_behavior": "inclusive"})
    assert (changed.active, changed.tax_behavior) == (False, "inclusive")
    with pytest.raises(stripe.InvalidRequestError, match="tax_behavior"):
        client.v1.prices.update(shop.monthly.id, {"tax_behavior": "exclusive"})


def test_a_lookup_key_belongs_to_one_price_and_moves_on_request(client, shop):
    first = shop.price(lookup_key="pro")
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        shop.price(lookup_key="pro")
    second = shop.price(2000, lookup_key="pro", transfer_lookup_key=True)

    found = client.v1.prices.list({"lookup_keys": ["pro", "other"]}).data
    assert [entry.id for entry in found] == [second.id]
    assert client.v1.prices.retrieve(first.id).lookup_key is None


def test_prices_are_listed_by_what_they_are(client, shop):
    monthly, yearly = shop.monthly, shop.yearly
    once = client.v1.prices.create({"currency": "eur", "unit_amount": 5, "product": shop.product.id})
    client.v1.prices.update(yearly.id, {"active": False})

    def ids(**given):
        return {entry.id for entry in client.v1.prices.list(given).data}

    assert ids(product=shop.product.id) == {monthly.id, yearly.id, once.id}
    assert ids(type="one_time") == {once.id}
    assert ids(active=False) == {yearly.id}
    assert ids(currency="eur") == {once.id}
    assert ids(recurring={"interval": "year"}) == {yearly.id}
