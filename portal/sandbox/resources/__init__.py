"""Stripe's resources: one module each. Importing them fills the table of operations."""

from importlib import import_module

NAMES = (
    "account",
    "charges",
    "checkout_sessions",
    "customers",
    "disputes",
    "events",
    "invoice_payments",
    "invoiceitems",
    "invoices",
    "payment_intents",
    "payment_links",
    "payment_methods",
    "portal_configurations",
    "portal_sessions",
    "prices",
    "products",
    "refunds",
    "subscription_items",
    "subscriptions",
    "webhook_endpoints",
)


def load() -> None:
    """Import every resource."""
    for name in NAMES:
        import_module(f"{__name__}.{name}")
