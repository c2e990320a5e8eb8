"""`latchkey demo`, as somebody meets it who cloned the project an hour ago."""

from __future__ import annotations

import json
import re
import signal
import socket
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from bs4 import BeautifulSoup

from tests.cli.processes import await_that, started

__all__ = ["started"]  # a fixture
pytestmark = pytest.mark.sqlite_only
KEYS = {
    "url",
    "portal_url",
    "sign_up_link",
    "staff_email",
    "staff_password",
    "customer_email",
    "customer_password",
    "mail_url",
    "sandbox_url",
}


class Browser:
    """A visitor of the demo: keeps cookies, fills in the first form of a page."""

    def __init__(self) -> None:
        self.http = requests.Session()
        self.soup = BeautifulSoup()

    def get(self, url: str, status: int = 200) -> str:
        return self._read(self.http.get(url, timeout=10), status)

    def submit(self, selector: str = "main form[method=post]", status: int = 200, **typed: str) -> str:
        form = self.soup.select_one(selector)
        assert form, f"no form on {self.url}"
        fields = {
            str(field["name"]): str(field.get("value", ""))
            for field in form.select("input[name]")
            if field.get("type") not in ("checkbox", "radio") or field.has_attr("checked")
        }
        action = urljoin(self.url, str(form.get("action") or self.url))
        return self._read(self.http.post(action, data={**fields, **typed}, timeout=10), status)

    @property
    def text(self) -> str:
        return " ".join(self.soup.get_text(" ").split())

    def _read(self, answer: requests.Response, status: int) -> str:
        self.url = answer.url
        self.soup = BeautifulSoup(answer.text, "html.parser")
        assert answer.status_code == status, f"{answer.url}: {answer.status_code} {self.text[:300]}"
        return self.text


def start(started, folder: Path, *more: str):
    process = started("demo", "--port", "0", "--data-dir", str(folder), "--json", *more)
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return process, json.loads(line)


def stop(process, number: int = signal.SIGTERM) -> None:
    process.send_signal(number)
    assert process.wait(15) == 0


def is_open(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) == 0


def test_the_demo_from_an_empty_folder(started, tmp_path):
    process, facts = start(started, tmp_path / "demo")
    visitor = Browser()
    assert "Latchkey is running" in visitor.get(facts["url"])

    assert set(facts) >= KEYS
    assert (tmp_path / "demo" / "keys.json").stat().st_mode & 0o777 == 0o600
    for name in ("portal_url", "sign_up_link", "personal_link", "mail_url", "sandbox_url", "staff_url", "customer_url"):
        Browser().get(facts[name])
    links = [urljoin(facts["url"], str(link["href"])) for link in visitor.soup.select("main a[href]")]
    assert len(links) > 5
    for link in links:
        Browser().get(link)

    stop(process)
    assert not is_open(facts["url"])
    assert not is_open(facts["sandbox_url"])


def test_both_roles_sign_in_and_see_what_the_demo_promises(started, tmp_path):
    process, facts = start(started, tmp_path)
    customer = Browser()
    customer.get(facts["customer_url"])
    customer.submit(email=facts["customer_email"], password=facts["customer_password"])
    assert customer.url.endswith("/Portal/@demo.example/Licenses")
    for badge in ("Trial license", "Subscription", "Expired", "Perpetual"):
        assert badge in customer.text

    staff = Browser()
    staff.get(facts["url"])
    staff.submit(f'form[action="{facts["staff_url"]}"]')
    assert staff.url.endswith("/Customer")
    for name in ("Maria Lindqvist", "佐藤 花子", "Bartholomew Featherstonehaugh"):
        assert name in staff.text
    stop(process)


def test_signing_up_brings_the_code_to_the_mail_page(started, tmp_path):
    process, facts = start(started, tmp_path)
    visitor = Browser()
    visitor.get(facts["sign_up_link"])
    terms = str(visitor.soup.select_one('label a[href$="/dev/terms"]')["href"])
    Browser().get(terms)
    visitor.submit(name="Nils Holm", email="nils@new.example", password="seven quiet otters", accept_terms="y")
    assert urlsplit(visitor.url).path == "/Portal/@demo.example/ConfirmEmail"

    reader = Browser()
    await_that(lambda: "nils@new.example" in reader.get(facts["mail_url"]))
    reader.get(urljoin(reader.url, str(reader.soup.select_one("main table a")["href"])))
    code = str(re.search(r"\b[0-9]{6}\b", reader.text)[0])
    assert code in reader.get(reader.url + "/html")
    visitor.submit(code=code)
    assert urlsplit(visitor.url).path == "/Portal/@demo.example/Licenses"
    stop(process)


def test_a_second_start_keeps_what_was_there(started, tmp_path):
    process, first = start(started, tmp_path)
    stop(process, signal.SIGINT)
    process, second = start(started, tmp_path)

    same = ("staff_email", "staff_password", "customer_password")
    assert [first[name] for name in same] == [second[name] for name in same]
    assert urlsplit(first["sign_up_link"]).query == urlsplit(second["sign_up_link"]).query
    customer = Browser()
    customer.get(second["customer_url"])
    customer.submit(email=second["customer_email"], password=second["customer_password"])
    assert customer.url.endswith("/Licenses"), "the terms were accepted before"
    assert customer.text.count("Harborlight Render Node") == 2
    stop(process)


def test_a_taken_port_is_one_clear_line(started, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for option in (("--port", str(port)), ("--port", "0", "--sandbox-port", str(port))):
            process = started("demo", "--data-dir", str(tmp_path), *option)
            out, error = process.communicate(timeout=20)
            assert (process.returncode, out) == (1, "")
            assert len(error.splitlines()) == 1
            assert error.startswith(f"Error: Port {port} is in use.")


def test_the_sandbox_ends_with_the_demo_even_when_it_is_killed(started, tmp_path):
    process, facts = start(started, tmp_path)
    process.kill()
    process.wait()
    await_that(lambda: not is_open(facts["sandbox_url"]))


def test_what_is_bought_in_the_demo_is_a_key_on_the_screen(started, tmp_path):
    process, facts = start(started, tmp_path)
    customer = Browser()
    customer.get(facts["customer_url"])
    customer.submit(email=facts["customer_email"], password=facts["customer_password"])
    customer.get(facts["plans_url"])
    customer.submit('form[action$="/Billing/Checkout"]')
    assert customer.url.startswith(facts["sandbox_url"])

    customer.submit()

    assert "/Billing/Return" in customer.url
    assert "Your license key" in customer.text
    assert re.search(r"[A-Z]{5}-[A-Z]{5}-[A-Z]{5}-[A-Z]{5}", str(customer.soup.main))
    stop(process)


def test_the_demo_leaves_staff_something_to_do(started, tmp_path):
    process, facts = start(started, tmp_path)
    staff = Browser()
    staff.get(facts["url"])
    staff.submit(f'form[action="{facts["staff_url"]}"]')
    await_that(lambda: "Unclaimed payment" in staff.get(facts["desk_url"]))
    staff.get(facts["doctor_url"])
    staff.submit('form[action="/StripeDoctor"]')
    assert "Lighthouse stickers" in staff.text
    stop(process)
