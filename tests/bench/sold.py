"""Thousands of paid subscriptions at the sandbox, events about them in our inbox, and orders that were paid there."""

from __future__ import annotations

import contextlib
import itertools
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select

from portal import clock
from portal.billing import orders
from portal.billing.orders import Ordered, Wish
from portal.customers.models import Customer
from portal.extensions import db
from portal.sandbox.engine import cards, catalog, checkout, completing, customers, subscribing
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.store import Store
from portal.webhooks import inbox
from portal.webhooks.models import StripeEvent
from tests.bench import events

KEY, VERSION = "sk_test_bench", "2026-05-27.dahlia"


@dataclass(frozen=True)
class Stripe:
    """A running sandbox. file: where it keeps everything."""

    url: str
    process: subprocess.Popen[str]
    file: Path

    @contextlib.contextmanager
    def books(self) -> Iterator[Ledger]:
        """What the account owns, to write into directly: thousands of sales by HTTP would take minutes."""
        store = Store(self.file)
        with store.transaction() as connection:
            account, _ = store.open_account(connection, KEY, int(time.time()))
            yield Ledger(connection, account, int(time.time()), self.url)
        store.connection().close()


@contextlib.contextmanager
def running_stripe(folder: Path) -> Iterator[Stripe]:
    """The sandbox in a process of its own, stopped at the end."""
    file = folder / "stripe.sqlite3"
    command = [sys.executable, "-m", "portal.sandbox", "--data", str(file), "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Stripe(json.loads(process.stdout.readline())["url"], process, file)
        finally:
            process.terminate()
            process.wait(timeout=20)


def add_customers(vendor_id: int, count: int) -> list[int]:
    """That many customers of ours."""
    first = 1 + (db.session.scalar(select(func.max(Customer.id))) or 0)
    people: list[dict[str, Any]] = [
        {
            "vendor_id": vendor_id,
            "id": number,
            "name": f"Customer {number}",
            "email": f"customer{number}@mail.example",
            "email_key": f"customer{number}@mail.example",
            "link_nonce": secrets.token_hex(16),
        }
        for number in range(first, first + count)
    ]
    db.session.execute(insert(Customer), people)
    db.session.commit()
    return [person["id"] for person in people]


def add_price(stripe: Stripe) -> str:
    """A monthly plan of our product 1."""
    with stripe.books() as books:
        product = catalog.add_product(books, {"name": "Widget Studio", "metadata": {"skm_product_id": "1"}})
        given = {"product": product["id"], "currency": "usd", "unit_amount": 1900, "recurring": {"interval": "month"}}
        return str(catalog.add_price(books, given)["id"])


def subscribe(stripe: Stripe, price: str, ours: Sequence[int]) -> list[str]:
    """A paid subscription for each of our customers, with our ids, as our checkout makes them; their ids."""
    found = []
    with stripe.books() as books:
        for number in ours:
            metadata = {"skm_customer_id": str(number), "skm_temp_var": "no key yet"}
            given = {"customer": _payer(books, number)["id"], "items": [{"price": price}], "metadata": metadata}
            found.append(str(subscribing.start(books, given, VERSION)["id"]))
    return found


def order(stripe: Stripe, price: str, vendor_id: int, user_id: int, ours: Sequence[int]) -> list[str]:
    """An order of each of our customers, paid at Stripe, of which we have not heard yet; our ids of them."""
    begun: list[Ordered] = []
    for number in ours:
        wish = Wish(number, price, "subscription", 1)
        begun.append(orders.begin(vendor_id, user_id, wish, livemode=False))
    with stripe.books() as books:
        paid = [_pay(books, one) for one in begun]
    for one, session in zip(begun, paid, strict=True):
        orders.keep_session(one, session["id"], f"{stripe.url}/c/pay/{session['id']}")
    db.session.commit()
    return [one.id for one in begun]


def tell(vendor_id: int, subjects: Sequence[str]) -> int:
    """Put five events about each subscription into the inbox, all at once; how many."""
    endpoint = inbox.Endpoint(vendor_id, (), livemode=False, account_id="", instance="")
    told = [events.event(kind, subject) for kind, subject in itertools.product(events.KINDS, subjects)]
    rows = [inbox.row_for(endpoint, body) for body in told]
    now = clock.now()
    with db.engine.begin() as connection:
        connection.execute(insert(StripeEvent), [row | {"received_at": now, "available_at": now} for row in rows])
    return len(rows)


def _payer(books: Ledger, number: int) -> Document:
    given = {"email": f"customer{number}@mail.example", "metadata": {"skm_customer_id": str(number)}}
    payer = customers.new_customer(books, given)
    card = cards.attach(books, "pm_card_visa", payer["id"])
    return books.save(payer | {"invoice_settings": customers.NO_SETTINGS | {"default_payment_method": card["id"]}})


def _pay(books: Ledger, one: Ordered) -> Document:
    ids = {"skm_customer_id": str(one.customer_id), "latchkey_order": one.id}
    given = {
        "mode": "subscription",
        "customer": _payer(books, one.customer_id)["id"],
        "line_items": [{"price": one.price_id, "quantity": 1}],
        "success_url": "https://bench.example/thanks",
        "metadata": ids,
        "subscription_data": {"metadata": ids | {"skm_temp_var": "no key yet"}},
    }
    session = checkout.create(books, given, VERSION)
    return completing.complete(books, session, completing.Payer("", "", "pm_card_visa"))
