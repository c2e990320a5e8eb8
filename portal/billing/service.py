"""What the rest of the house asks of billing: Stripe settings, re-reading Stripe, and which subscriptions run."""

from __future__ import annotations

from portal.billing.account import PERMISSIONS, AccountFacts, account_of, set_account
from portal.billing.running import Running, running_of, with_subscription
from portal.billing.sync import SyncResult, sync

__all__ = [
    "PERMISSIONS",
    "AccountFacts",
    "Running",
    "SyncResult",
    "account_of",
    "running_of",
    "set_account",
    "sync",
    "with_subscription",
]
