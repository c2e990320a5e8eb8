"""What the rest of the house asks of billing: Stripe settings, re-reading Stripe, and which subscriptions run."""

from __future__ import annotations

from portal.billing.account import (
    PERMISSIONS,
    SIGNING_SECRET,
    AccountFacts,
    account_of,
    connection_of,
    opened_secrets,
    revised_secrets,
    set_account,
)
from portal.billing.running import Running, running_of, with_subscription
from portal.billing.sync import SyncResult, record_customer, record_purchase, sync

__all__ = [
    "PERMISSIONS",
    "SIGNING_SECRET",
    "AccountFacts",
    "Running",
    "SyncResult",
    "account_of",
    "connection_of",
    "opened_secrets",
    "record_customer",
    "record_purchase",
    "revised_secrets",
    "running_of",
    "set_account",
    "sync",
    "with_subscription",
]
