"""What the rest of the house asks of billing: Stripe settings and re-reading Stripe."""

from __future__ import annotations

from portal.billing.account import PERMISSIONS, AccountFacts, account_of, connection_of, opened_secrets, set_account
from portal.billing.sync import SyncResult, record_purchase, sync

__all__ = [
    "PERMISSIONS",
    "AccountFacts",
    "SyncResult",
    "account_of",
    "connection_of",
    "opened_secrets",
    "record_purchase",
    "set_account",
    "sync",
]
