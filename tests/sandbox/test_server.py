"""The command that runs the sandbox, its overview, and its file."""

import json
import signal
import subprocess
import sys
import threading

import pytest
import requests
import stripe

from tests.sandbox.conftest import client_for
from tests.sandbox.shop import Shop
from tests.sandbox.visitor import Visitor
from tests.support.sandbox_server import running_sandbox


@pytest.fixture
def command(tmp_path):
    """`python -m portal.sandbox` with a data file; returns the process and its first line."""
    started = []

    def start(*more):
        arguments = [
            sys.executable,
            "-m",
            "portal.sandbox",
            "--port",
            "0",
            "--data",
            str(tmp_path / "new" / "x.sqlite"),
        ]
        process = subprocess.Popen([*arguments, *more], stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_prints_its_address_keeps_its_data_and_stops_when_told(command):
    headers = {"Authorization": "Bearer sk_test_command"}
    process, first = command("--portal-origin", "http://127.0.0.1:8000/Portal")
    made = requests.post(f"{first['url']}/v1/customers", headers=headers, data={"name": "Kept"}, timeout=10).json()
    policy = requests.get(first["url"], timeout=10).headers["Content-Security-Policy"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    _, second = command()
    found = requests.get(f"{second['url']}/v1/customers/{made['id']}", headers=headers, timeout=10).json()

    assert found == made
    assert "form-action 'self' http://127.0.0.1:8000" in policy


def test_another_public_address_stands_in_its_links(command):
    _, ready = command("--public-url", "https://pay.example.com", "--without-portal-settings")

    assert ready["url"] == "https://pay.example.com"


def test_the_overview_lists_what_is_there(sandbox, shop, key):
    made = shop.subscribe()
    visitor = Visitor(sandbox.url).open(sandbox.url)

    for text in ("Ada Example", made.id, made.customer):
        assert text in visitor.text
    assert key not in visitor.text


def test_an_empty_sandbox_says_so():
    with running_sandbox() as sandbox:
        assert "Nothing yet" in Visitor(sandbox.url).open(sandbox.url).text
        assert "No mail" in Visitor(sandbox.url).open(f"{sandbox.url}/mail").text


def test_files_are_served_and_may_be_kept(sandbox):
    answer = requests.get(f"{sandbox.url}/static/sandbox.css", timeout=10)

    assert answer.headers["Content-Type"].startswith("text/css")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_unknown_pages_are_friendly(sandbox):
    for path in ("/nothing", "/i/acct_x/in_x", "/p", "/p/session", "/static/nothing.css"):
        assert Visitor(sandbox.url).open(sandbox.url + path).status == 404


def test_many_threads_write_at_once(client, shop, sandbox, key):
    customer, price = shop.customer(), shop.monthly
    failures = []

    def work():
        try:
            Shop(client_for(sandbox, key)).subscribe(customer, price)
        except stripe.StripeError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    invoices = client.v1.invoices.list({"customer": customer.id, "limit": 100}).data
    assert len({invoice.number for invoice in invoices}) == 12


def test_the_sandbox_imports_nothing_of_the_portal():
    code = "import json, sys, portal.sandbox.__main__; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    loaded = [name for name in json.loads(done.stdout) if name.startswith("portal.")]
    assert [name for name in loaded if not name.startswith("portal.sandbox")] == []
    assert "stripe" not in loaded
