"""Give the demo's sandbox Stripe what a vendor's account holds: products, prices, customers, subscriptions.

It speaks HTTP, as every program that talks to Stripe does. Each call carries an idempotency key, so that a first start
that was interrupted can be repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import requests

from portal import logging, unit_of_work
from portal.billing import gateway
from portal.billing import service as billing
from portal.billing.models import StripeAccount
from portal.billing.plans import TRIAL
from portal.dev import demo_cast as cast
from portal.dev import demo_data
from portal.dev.demo_data import Paid
from portal.errors import PortalError
from portal.extensions import db
from portal.vendors import service as vendors
from portal.webhooks import endpoint

API_KEY = "sk_test_latchkey_demo"
TIMEOUT_SECONDS = 20
CARDS = {"past_due": "pm_card_chargeCustomerFail"}
TRIALS = {"past_due": {"trial_period_days": 1}, "trialing": {"trial_period_days": 14}}
Params = dict[str, Any]


class Account:
    """The demo vendor's account at the sandbox. origin: where the sandbox listens."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Bearer {API_KEY}"

    def get(self, path: str, **params: Any) -> Params:
        """Read an object or a list."""
        return self._answer(self.http.get(f"{self.origin}/v1/{path}", params=params, timeout=TIMEOUT_SECONDS))

    def post(self, path: str, once: str = "", **params: Any) -> Params:
        """Make or change an object. once: the idempotency key."""
        headers = {"Idempotency-Key": f"demo-{once}"} if once else {}
        fields = dict(_flat(params))
        return self._answer(
            self.http.post(f"{self.origin}/v1/{path}", data=fields, headers=headers, timeout=TIMEOUT_SECONDS)
        )

    def end(self, subscription: str) -> None:
        """End a subscription at once."""
        self._answer(self.http.delete(f"{self.origin}/v1/subscriptions/{subscription}", timeout=TIMEOUT_SECONDS))

    @staticmethod
    def _answer(response: requests.Response) -> Params:
        if not response.ok:
            raise RuntimeError(f"The sandbox refuses {response.request.path_url}: {response.text[:300]}")
        return dict(response.json())


def fill(origin: str) -> None:
    """Make the account's objects and read them back into the portal, unless that was done before. Commits."""
    vendor = vendors.get_by_domain(cast.DOMAIN)
    known = db.session.get(StripeAccount, vendor.id)
    if known is not None and known.api_key:
        unit_of_work.rollback()
        return
    wanted = demo_data.list_paid(vendor)
    unit_of_work.rollback()
    account = Account(origin)
    prices = _make_prices(account)
    for paid in wanted:
        payer = _make_payer(account, paid)
        subscription = _subscribe(account, payer, prices[paid.key.plan], paid)
        _let_it_go(account, subscription, paid)
    _leave_work_for_staff(account, prices)
    vendor = vendors.get_by_domain(cast.DOMAIN)
    billing.set_account(vendor, api_key=API_KEY)
    unit_of_work.commit()


def open_the_door(origin: str) -> None:
    """Let the sandbox's webhooks come to the address the demo runs at today. Commits."""
    vendor = vendors.get_by_domain(cast.DOMAIN)
    vendor_id, wanted = vendor.id, endpoint.url_of(vendor.id)
    has_secret = billing.account_of(vendor).webhook_secret_count > 0
    unit_of_work.rollback()
    account = Account(origin)
    doors = [one for one in account.get("webhook_endpoints")["data"] if endpoint.PATH in one["url"]]
    for door in doors if has_secret else ():
        if door["url"] != wanted:
            account.post(f"webhook_endpoints/{door['id']}", url=wanted)
    if has_secret:
        return  # whoever deletes the endpoint in the sandbox wants to see what happens without it
    made = account.post(
        "webhook_endpoints",
        once=f"endpoint-{wanted}",
        url=wanted,
        enabled_events=list(endpoint.WANTED),
        api_version=gateway.STRIPE_API_VERSION,
    )
    billing.set_account(vendors.get(vendor_id), webhook_secrets=[made["secret"]])
    unit_of_work.commit()


def read_back() -> None:
    """Re-read Stripe, as `latchkey billing sync` does: subscriptions go on while the demo is off. Commits."""
    try:
        billing.sync(vendors.get_by_domain(cast.DOMAIN))
        unit_of_work.commit()
    except PortalError as error:
        unit_of_work.rollback()
        logging.get().warning("the sandbox could not be read", reason=error.message)


def _make_prices(account: Account) -> dict[str, str]:
    """Products with `skm_product_id`, prices with `skm`; plan changes between the prices of one product."""
    prices: dict[str, str] = {}
    changeable = []
    for number, (key, ware) in enumerate(cast.WARES.items(), start=1):
        product = account.post(
            "products",
            once=f"product-{key}",
            name=ware.name,
            description=ware.description,
            metadata={"skm_product_id": number},
        )
        prices |= {plan: _make_price(account, product["id"], plan, offer) for plan, offer in ware.prices.items()}
        periodic = [prices[plan] for plan, offer in ware.prices.items() if offer.interval]
        if periodic:
            changeable.append({"product": product["id"], "prices": periodic})
    (configuration,) = account.get("billing_portal/configurations", is_default="true")["data"]
    update = {"enabled": "true", "default_allowed_updates": ["price"], "products": changeable}
    account.post(
        f"billing_portal/configurations/{configuration['id']}",
        once="configuration",
        features={"subscription_update": {**update, "proration_behavior": "create_prorations"}},
    )
    return prices


def _make_price(account: Account, product: str, plan: str, offer: cast.Offer) -> str:
    trial = {TRIAL: offer.trial_days} if offer.trial_days else {}
    made = account.post(
        "prices",
        once=f"price-{plan}",
        product=product,
        unit_amount=offer.amount,
        currency="eur",
        metadata={"skm": json.dumps(offer.skm), **trial},
        **({"recurring": {"interval": offer.interval}} if offer.interval else {}),
    )
    return str(made["id"])


def _leave_work_for_staff(account: Account, prices: dict[str, str]) -> None:
    """A sale nobody knows the customer of, and two entries of the catalog that the Stripe doctor has words for."""
    payer = account.post("customers", once="stranger", name=cast.STRANGER_NAME, email=cast.STRANGER_EMAIL)["id"]
    card = account.post("payment_methods/pm_card_visa/attach", once="stranger-card", customer=payer)["id"]
    items = [{"price": prices["node_yearly"]}]
    account.post(
        "subscriptions", once="stranger-subscription", customer=payer, default_payment_method=card, items=items
    )
    stickers = account.post("products", once="product-stickers", name="Lighthouse stickers")
    account.post("prices", once="price-stickers", product=stickers["id"], unit_amount=500, currency="eur")
    draft = account.post(
        "products", once="product-draft", name="Harborlight Studio (draft)", metadata={"skm_product_id": 1}
    )
    spoiled = {"skm": "{Period: 30}"}
    account.post("prices", once="price-draft", product=draft["id"], unit_amount=900, currency="eur", metadata=spoiled)


def _make_payer(account: Account, paid: Paid) -> str:
    made = account.post(
        "customers",
        once=f"customer-{paid.customer_id}",
        name=paid.name,
        email=paid.email,
        metadata={"skm_customer_id": paid.customer_id},
    )
    return str(made["id"])


def _subscribe(account: Account, payer: str, price: str, paid: Paid) -> str:
    card = CARDS.get(paid.key.pays, "pm_card_visa")
    method = account.post(f"payment_methods/{card}/attach", once=f"card-{paid.customer_id}-{card}", customer=payer)
    made = account.post(
        "subscriptions",
        once=f"subscription-{paid.global_id}",
        customer=payer,
        default_payment_method=method["id"],
        items=[{"price": price}],
        metadata={
            "skm_customer_id": paid.customer_id,
            "skm_key_globalid": paid.global_id,
            "skm_key_id": paid.license_id,
        },
        **TRIALS.get(paid.key.pays, {}),
    )
    return str(made["id"])


def _let_it_go(account: Account, subscription: str, paid: Paid) -> None:
    """Bring a fresh subscription into the wanted state."""
    path = f"subscriptions/{subscription}"
    if paid.key.pays == "canceling":
        account.post(path, once=f"cancel-{paid.global_id}", cancel_at_period_end="true")
    elif paid.key.pays == "past_due":
        account.post(path, once=f"charge-{paid.global_id}", trial_end="now")
    elif paid.key.pays == "ended" and account.get(path)["status"] != "canceled":
        account.end(subscription)


def _flat(params: Params, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as Stripe's form fields: `a[b]`, `a[0][b]`."""
    for name, value in params.items():
        full = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, dict):
            yield from _flat(value, full)
        elif isinstance(value, list):
            yield from _flat(dict(enumerate(value)), full)  # type: ignore[arg-type]
        else:
            yield full, str(value)
