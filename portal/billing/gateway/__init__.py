"""The only speaker to Stripe. Its library is imported when the first call is made, never at start."""

from __future__ import annotations

from portal.billing.gateway.calls import (
    create_customer,
    create_portal_session,
    find_customers_by_email,
    list_customers,
    list_products,
    list_subscriptions,
    retrieve_account_id,
    retrieve_customer,
)
from portal.billing.gateway.connection import STRIPE_API_VERSION, Connection, is_live_key, is_stripe_key
from portal.billing.gateway.errors import GatewayError, KeyRefused, NoSuchCustomer, Refused, Unreachable
from portal.billing.gateway.objects import CustomerRead, ItemRead, ProductRead, SubscriptionRead

__all__ = [
    "STRIPE_API_VERSION",
    "Connection",
    "CustomerRead",
    "GatewayError",
    "ItemRead",
    "KeyRefused",
    "NoSuchCustomer",
    "ProductRead",
    "Refused",
    "SubscriptionRead",
    "Unreachable",
    "create_customer",
    "create_portal_session",
    "find_customers_by_email",
    "is_live_key",
    "is_stripe_key",
    "list_customers",
    "list_products",
    "list_subscriptions",
    "retrieve_account_id",
    "retrieve_customer",
]
