"""The secret behind keys made from payments, so that a restored server makes the very same keys again."""

from __future__ import annotations

import hashlib
import hmac

from portal import crypto
from portal.billing.models import StripeAccount
from portal.extensions import db
from portal.vendors import service as vendors


def seed_of(vendor_id: int) -> bytes:
    """The vendor's seed; stored sealed at the first use.

    It starts as an HMAC of the vendor's domain under the encryption key, which is backed up apart from the database: a
    backup from before the first use leads to the same seed. Stored, it outlives a change of the encryption key.
    """
    account = _account(vendor_id)
    if account.key_seed:
        return bytes.fromhex(crypto.open_sealed(account.key_seed, _place(vendor_id)))
    domain = vendors.get(vendor_id).domain
    seed = hmac.digest(crypto.settings().encryption_keys[0], f"latchkey key seed\0{domain}".encode(), hashlib.sha256)
    account.key_seed = crypto.seal(seed.hex(), _place(vendor_id))
    return seed


def instance_of(vendor_id: int) -> str:
    """`latchkey_instance` of the vendor's purchases: tells them from those of another installation."""
    account = _account(vendor_id)
    if not account.instance:
        account.instance = hmac.digest(seed_of(vendor_id), b"latchkey instance", hashlib.sha256).hex()[:24]
    return account.instance


def _account(vendor_id: int) -> StripeAccount:
    account = db.session.get(StripeAccount, vendor_id)
    if account is None:
        raise LookupError(f"Vendor {vendor_id} has no Stripe account here.")
    return account


def _place(vendor_id: int) -> str:
    return f"stripe_account:{vendor_id}:key_seed"
