"""The permissions we ask vendors for are exactly those that our calls to Stripe need."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from portal.billing import service as billing
from portal.stripe_doctor.check_key import SET_UP_ONLY
from tests.architecture.source import ROOT

pytestmark = pytest.mark.sqlite_only

GATEWAY = ROOT / "portal" / "billing" / "gateway"
# Stripe's resources, and the line of the form for restricted keys that they belong to; None: any key may.
LINES = {
    "accounts": None,
    "billing_portal": "Customer portal",
    "checkout": "Checkout Sessions",
    "customers": "Customers",
    "disputes": "Disputes",
    "events": "Events",
    "invoice_payments": "Invoices",
    "invoices": "Invoices",
    "prices": "Prices",
    "products": "Products",
    "refunds": "Charges and Refunds",
    "subscription_items": "Subscriptions",
    "subscriptions": "Subscriptions",
    "webhook_endpoints": "Webhook Endpoints",
}
EXPANDED = {
    "customer": "Customers",
    "invoice": "Invoices",
    "latest_charge": "Charges and Refunds",
    "latest_invoice": "Invoices",
    "payment_intent": "PaymentIntents",
    "price": "Prices",
    "product": "Products",
}
CHANGES = ("create", "delete", "expire", "update")


def modules() -> Iterator[ast.Module]:
    """The gateway; without what tries each permission on objects nobody has."""
    for path in sorted(GATEWAY.glob("*.py")):
        if path.name != "probes.py":
            yield ast.parse(path.read_text("utf-8"))


def calls() -> Iterator[tuple[str, bool]]:
    """The resources that the gateway names, as `v1.customers.create` or as a path, and whether it changes them."""
    for module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef):
                yield from by_path(node)
            names: list[str] = []
            while isinstance(node, ast.Attribute) and node.attr != "v1":
                names.insert(0, node.attr)
                node = node.value
            if names and (isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and node.id == "v1")):
                yield names[0], names[-1] in CHANGES


def by_path(function: ast.FunctionDef) -> Iterator[tuple[str, bool]]:
    """The resources that a function asks for by their path."""
    texts = [node.value for node in ast.walk(function) if isinstance(node, ast.Constant)]
    for text in texts:
        if isinstance(text, str) and text.partition("/")[0] in LINES:
            yield text.partition("/")[0], "post" in texts


def expansions() -> Iterator[str]:
    """The last part of every path that the gateway has expanded."""
    for module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
                parts = node.value.removeprefix("data.").split(".")
                if "data." in node.value or (len(parts) > 1 and parts[-1] in EXPANDED):
                    yield from (part for part in parts if part in EXPANDED)


def test_they_are_those_that_our_calls_need() -> None:
    needed: dict[str, str] = {}
    for resource, is_change in calls():
        line = LINES[resource]
        if line:
            needed[line] = "Write" if is_change else needed.get(line, "Read")
    for part in expansions():
        needed.setdefault(EXPANDED[part], "Read")

    assert needed == dict(billing.PERMISSIONS)


def test_what_only_repairs_need_is_asked_for_as_such() -> None:
    assert set(SET_UP_ONLY) <= set(billing.PERMISSIONS)
