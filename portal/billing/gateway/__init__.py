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
from portal.billing.gateway.checkouts import create_session, expire_session, find_session, list_sessions_of
from portal.billing.gateway.connection import STRIPE_API_VERSION, Connection, is_live_key, is_stripe_key
from portal.billing.gateway.customers import write_customer_metadata, write_email
from portal.billing.gateway.errors import (
    GatewayError,
    KeyRefused,
    KeyReused,
    NoSuchCustomer,
    Refused,
    Stumbled,
    Unreachable,
)
from portal.billing.gateway.invoices import list_invoices, list_paid_invoices
from portal.billing.gateway.listing import list_payments_given_back, list_purchases, list_sold_once
from portal.billing.gateway.money import BilledLine, InvoiceRead, PaymentRead
from portal.billing.gateway.objects import (
    BoughtItem,
    CustomerRead,
    ItemRead,
    ProductRead,
    PurchaseRead,
    SubscriptionRead,
    read_purchase,
)
from portal.billing.gateway.one_off import OneOffRead, retrieve_invoice, session_of_invoice
from portal.billing.gateway.paging import Page, page_of_invoices, page_of_sessions, page_of_subscriptions
from portal.billing.gateway.prices import PriceRead, list_active_prices
from portal.billing.gateway.purchases import (
    NoSuchPurchase,
    bought_by,
    list_events,
    list_payments,
    list_sessions,
    list_subscription_ids,
    purchases_paid_by,
    retrieve_session,
    retrieve_subscription,
    write_metadata,
)
from portal.billing.gateway.sessions import SessionRead

__all__ = [
    "STRIPE_API_VERSION",
    "BilledLine",
    "BoughtItem",
    "Connection",
    "CustomerRead",
    "GatewayError",
    "InvoiceRead",
    "ItemRead",
    "KeyRefused",
    "KeyReused",
    "NoSuchCustomer",
    "NoSuchPurchase",
    "OneOffRead",
    "Page",
    "PaymentRead",
    "PriceRead",
    "ProductRead",
    "PurchaseRead",
    "Refused",
    "SessionRead",
    "Stumbled",
    "SubscriptionRead",
    "Unreachable",
    "bought_by",
    "create_customer",
    "create_portal_session",
    "create_session",
    "expire_session",
    "find_customers_by_email",
    "find_session",
    "is_live_key",
    "is_stripe_key",
    "list_active_prices",
    "list_customers",
    "list_events",
    "list_invoices",
    "list_paid_invoices",
    "list_payments",
    "list_payments_given_back",
    "list_products",
    "list_purchases",
    "list_sessions",
    "list_sessions_of",
    "list_sold_once",
    "list_subscription_ids",
    "list_subscriptions",
    "page_of_invoices",
    "page_of_sessions",
    "page_of_subscriptions",
    "purchases_paid_by",
    "read_purchase",
    "retrieve_account_id",
    "retrieve_customer",
    "retrieve_invoice",
    "retrieve_session",
    "retrieve_subscription",
    "session_of_invoice",
    "write_customer_metadata",
    "write_email",
    "write_metadata",
]
