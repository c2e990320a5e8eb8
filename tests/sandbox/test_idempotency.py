"""Idempotency keys, as Stripe documents them."""

import json
import threading

import pytest
import stripe

from portal.sandbox import idempotency
from portal.sandbox.store import digest


def test_the_same_request_gets_the_same_answer(raw, client):
    send = {"data": {"email": "once@example.com"}, "headers": {"Idempotency-Key": "k1"}}
    first, second = raw("POST", "/v1/customers", **send), raw("POST", "/v1/customers", **send)

    assert first.json() == second.json()
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Original-Request"] == first.headers["Request-Id"] != second.headers["Request-Id"]
    assert len(client.v1.customers.list().data) == 1


def test_other_parameters_with_the_same_key_are_refused(client):
    client.v1.customers.create({"email": "one@example.com"}, {"idempotency_key": "k2"})

    with pytest.raises(stripe.IdempotencyError) as refusal:
        client.v1.customers.create({"email": "two@example.com"}, {"idempotency_key": "k2"})
    assert refusal.value.http_status == 400
    assert len(client.v1.customers.list().data) == 1


def test_the_same_key_on_another_path_is_refused(client):
    client.v1.customers.create({"name": "A"}, {"idempotency_key": "k3"})

    with pytest.raises(stripe.IdempotencyError):
        client.v1.products.create({"name": "A"}, {"idempotency_key": "k3"})


def test_keys_of_two_accounts_do_not_meet(sandbox, client):
    from tests.sandbox.conftest import client_for

    ours = client.v1.customers.create({"name": "A"}, {"idempotency_key": "shared"})
    other = client_for(sandbox, "sk_test_idempotent2")
    theirs = other.v1.customers.create({"name": "B"}, {"idempotency_key": "shared"})

    assert ours.id != theirs.id


def test_a_refused_parameter_does_not_use_the_key_up(client):
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.create({"email": "nonsense"}, {"idempotency_key": "k4"})

    assert client.v1.customers.create({"email": "right@example.com"}, {"idempotency_key": "k4"}).id


def test_a_failure_of_the_work_itself_is_kept(raw, shop):
    customer = shop.customer(card=None)
    send = {
        "data": {"customer": customer.id, "items[0][price]": shop.monthly.id},
        "headers": {"Idempotency-Key": "k5"},
    }
    first, second = raw("POST", "/v1/subscriptions", **send), raw("POST", "/v1/subscriptions", **send)

    assert (first.status_code, second.status_code) == (400, 400)
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert shop.v1.subscriptions.list({"status": "all"}).data == []


def test_reading_ignores_keys(raw):
    first = raw("GET", "/v1/customers", headers={"Idempotency-Key": "k6"})
    second = raw("GET", "/v1/customers?limit=3", headers={"Idempotency-Key": "k6"})

    assert (first.status_code, second.status_code) == (200, 200)


def test_a_key_is_forgotten_after_a_day(sandbox, client):
    first = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k7"})
    sandbox.clock.move(hours=25)

    assert client.v1.customers.create({"name": "B"}, {"idempotency_key": "k7"}).id != first.id


def test_too_long_a_key_is_refused(raw):
    answer = raw("POST", "/v1/customers", data={"name": "A"}, headers={"Idempotency-Key": "k" * 256})

    assert answer.status_code == 400


def test_a_request_still_running_answers_409(sandbox, client, raw, key):
    account = client.v1.accounts.retrieve_current().id
    mark = idempotency.fingerprint("POST", "/v1/customers", {"name": "A"})
    store = sandbox.app.extensions["sandbox"].store
    idempotency.claim(store, account, "k8", mark, "req_other", sandbox.clock())

    send = {"data": {"name": "A"}, "headers": {"Idempotency-Key": "k8"}}
    busy = raw("POST", "/v1/customers", **send)
    sandbox.clock.move(minutes=2)
    after_a_crash = raw("POST", "/v1/customers", **send)

    assert busy.status_code == 409
    assert busy.json()["error"]["code"] == "idempotency_key_in_use"
    assert after_a_crash.status_code == 200


def test_racing_requests_make_one_customer(raw, client):
    client.v1.accounts.retrieve_current()
    answers = []

    def send():
        answers.append(raw("POST", "/v1/customers", data={"name": "Race"}, headers={"Idempotency-Key": "race"}))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 200}) == 1
    assert len(client.v1.customers.list().data) == 1


def test_racing_first_uses_of_a_key_open_one_account(sandbox, raw, key):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(raw("GET", "/v1/account"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({answer.json()["id"] for answer in answers}) == 1
    defaults = raw("GET", "/v1/billing_portal/configurations?is_default=true").json()["data"]
    assert len(defaults) == 1


def test_no_api_key_is_stored(sandbox, client, key):
    client.v1.accounts.retrieve_current()
    connection = sandbox.app.extensions["sandbox"].store.connection()
    rows = [dict(row) for row in connection.execute("SELECT * FROM accounts")]

    assert key not in json.dumps(rows)
    assert digest(key) in {row["key_hash"] for row in rows}
