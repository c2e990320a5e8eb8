"""The judge itself: it refuses what Stripe's description does not know, and lets real things pass."""

from tests.support import stripe_description as stripe

CUSTOMER = {"id": "cus_1", "object": "customer", "created": 1, "livemode": False, "email": None, "metadata": {}}


def test_a_described_object_passes():
    assert stripe.answer_problems("GET", "/v1/customers/cus_1", 200, CUSTOMER) == []


def test_a_deleted_customer_passes_in_its_own_shape():
    gone = {"id": "cus_1", "object": "customer", "deleted": True}

    assert stripe.answer_problems("GET", "/v1/customers/cus_1", 200, gone) == []


def test_an_invented_property_is_refused():
    assert stripe.answer_problems("GET", "/v1/customers/cus_1", 200, CUSTOMER | {"plan": "gold"})


def test_an_invented_property_deep_inside_is_refused():
    bad = CUSTOMER | {"invoice_settings": {"default_payment_method": None, "card": "visa"}}

    assert stripe.answer_problems("GET", "/v1/customers/cus_1", 200, bad)


def test_a_missing_required_property_is_refused():
    bad = {key: value for key, value in CUSTOMER.items() if key != "livemode"}

    assert stripe.answer_problems("GET", "/v1/customers/cus_1", 200, bad)


def test_null_where_none_is_allowed_is_refused():
    assert stripe.answer_problems("GET", "/v1/customers/cus_1", 200, CUSTOMER | {"created": None})


def test_a_list_is_judged_entry_by_entry():
    page = {"object": "list", "url": "/v1/customers", "has_more": False, "data": [CUSTOMER, CUSTOMER | {"x": 1}]}

    assert stripe.answer_problems("GET", "/v1/customers", 200, page)


def test_an_answer_on_an_undescribed_path_must_be_an_error():
    error = {"error": {"type": "invalid_request_error", "message": "no"}}

    assert stripe.answer_problems("GET", "/v1/nothing", 404, error) == []
    assert stripe.answer_problems("GET", "/v1/nothing", 404, {"message": "no"})


def test_requests_are_typed_by_their_schema():
    fields = [
        ("customer", "cus_1"),
        ("items[0][price]", "price_1"),
        ("items[0][quantity]", "2"),
        ("cancel_at_period_end", "true"),
        ("metadata[a]", "1"),
        ("expand[0]", "customer"),
    ]

    assert stripe.request_problems("POST", "/v1/subscriptions", fields) == []


def test_an_empty_string_is_stripes_unset():
    assert stripe.request_problems("POST", "/v1/subscriptions/sub_1", [("cancel_at", ""), ("metadata", "")]) == []


def test_bad_requests_are_refused():
    for fields in ([("favorite", "1")], [("limit", "ten")], [("created[since]", "1")]):
        assert stripe.request_problems("GET", "/v1/customers", fields), fields
    assert stripe.request_problems("POST", "/v1/products", [("active", "true")]), "name is required"
    assert stripe.request_problems("POST", "/v1/subscriptions", [("items[0][price]", "p"), ("items[0][color]", "red")])
    assert stripe.request_problems("GET", "/v1/nothing", [])
