"""Whatever arrives: a refusal in Stripe's format, never a failure of the server."""

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

PATHS = [
    "/v1/customers/{}",
    "/v1/products/{}",
    "/v1/prices/{}",
    "/v1/subscriptions/{}",
    "/v1/subscription_items/{}",
    "/v1/invoices/{}",
    "/v1/payment_methods/{}",
    "/v1/billing_portal/configurations/{}",
]
NAMES = ["9223372036854775808", "%D9%A1", "1_0", "%00", "%ED%A0%80", "%FF", "x" * 5000, "a%20b", "'--", "..%2F..", "🦔"]


def refused(answer: requests.Response, *statuses: int) -> dict:
    """The error of an answer that must be a refusal."""
    assert answer.status_code in (statuses or (400, 404)), answer.text
    error = answer.json()["error"]
    assert error["type"] in ("invalid_request_error", "idempotency_error", "card_error")
    assert error["message"]
    return error


@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_id_is_404(raw, path):
    for name in NAMES:
        refused(raw("GET", path.format(name)), 404)
        refused(raw("POST", path.format(name), data={"metadata[a]": "1"}), 404)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "DELETE", "TRACE", "PROPFIND"])
def test_a_wrong_method_is_an_unrecognized_url(raw, method):
    assert "Unrecognized request URL" in refused(raw(method, "/v1/customers"), 404)["message"]


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/nothing", "/v1//customers", "/v1/customers/", "/v1/customers/a/b"]
)
def test_an_unknown_path_is_an_unrecognized_url(raw, path):
    assert "Unrecognized request URL" in refused(raw("GET", path), 404)["message"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=9223372036854775808", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=1_0", "limit"),
        ("limit[a]=1", "limit"),
        ("color=red", "color"),
        ("created[since]=1", "created[since]"),
        ("created=soon", "created"),
        ("starting_after=cus_nobody", "starting_after"),
        ("ending_before=cus_nobody", "ending_before"),
        ("expand=customer", "expand"),
        ("expand[]=data.nothing", "expand"),
        ("expand[]=data.a.b.c.d", "expand"),
        ("email=" + "a" * 513, "email"),
    ],
)
def test_a_bad_list_parameter_is_named(raw, shop, query, param):
    shop.customer()

    assert refused(raw("GET", f"/v1/customers?{query}"), 400)["param"] == param


@pytest.mark.parametrize(
    "body",
    [
        b"email=%FF",
        b"email=\xff\xfe",
        b"email=a%00b",
        b"name=%ED%A0%80",
        b"[name]=x",
        b"name[=x",
        b"metadata[a][b]=x",
        b"name=a&name[b]=c",
        b"name[b]=c&name=a",
        b"preferred_locales[x]=en",
        b"a" + b"[b]" * 200 + b"=1",
        b"&".join(b"metadata[k%d]=1" % number for number in range(1200)),
        b"&".join(b"metadata[k%d]=1" % number for number in range(51)),
        b"metadata[" + b"k" * 41 + b"]=1",
        b"metadata[a]=" + b"v" * 501,
        b"name=" + b"n" * 300,
        b"balance=1.5",
        b"balance=99999999999999999999",
        b"email=no-address",
        b"address=here",
        b"shipping[name]=A",
    ],
)
def test_a_bad_body_is_refused_and_changes_nothing(raw, body):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    refused(raw("POST", "/v1/customers", data=body, headers=headers), 400)

    assert raw("GET", "/v1/customers").json()["data"] == []


def test_json_is_not_stripes_form_encoding(raw):
    assert "content type" in refused(raw("POST", "/v1/customers", json={"name": "A"}), 400)["message"]


def test_a_body_over_one_megabyte_is_413(raw):
    refused(raw("POST", "/v1/customers", data={"description": "x" * 1_100_000}), 413)


def test_a_strange_idempotency_key_is_not_echoed_broken(raw):
    answer = raw("POST", "/v1/customers", data={"name": "A"}, headers={"Idempotency-Key": "é".encode()})

    assert answer.status_code == 200
    assert "Idempotency-Key" not in answer.headers


words = st.text(st.characters(exclude_categories=[]), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    fields=st.lists(st.tuples(words, words), max_size=6), path=st.sampled_from(["customers", "prices", "subscriptions"])
)
def test_any_form_at_all_is_answered_in_stripes_format(server, fields, path):
    body = "&".join(f"{name}={value}" for name, value in fields).encode("utf-8", "surrogatepass")
    answer = requests.post(
        f"{server.url}/v1/{path}",
        data=body,
        headers={"Authorization": "Bearer sk_test_fuzz", "Content-Type": "application/x-www-form-urlencoded"},
        timeout=10,
    )

    assert answer.status_code in (200, 400)
    assert "error" in answer.json() or answer.json()["object"]
    assert server.judge.problems == []
