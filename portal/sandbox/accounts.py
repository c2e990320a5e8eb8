"""API keys: each opens an account of its own, with its own data."""

import base64
import binascii
import re
from typing import TYPE_CHECKING

from portal.sandbox.errors import StripeError
from portal.sandbox.journal import written
from portal.sandbox.ledger import Ledger
from portal.sandbox.resources.portal_configurations import add_default

if TYPE_CHECKING:
    from portal.sandbox import Sandbox

TEST_KEY = re.compile(r"(sk|rk)_test_[A-Za-z0-9_]{3,240}", re.ASCII)


def authenticate(sandbox: "Sandbox", authorization: str) -> str:
    """The account of the key in this header; a key seen for the first time opens one. Raises StripeError (401)."""
    key = _key_in(authorization)
    if key.startswith(("sk_test_expired", "rk_test_expired")):
        raise StripeError(f"Expired API Key provided: {_masked(key)}", status=401, code="api_key_expired", early=True)
    if not TEST_KEY.fullmatch(key) or key.startswith(("sk_test_invalid", "rk_test_invalid")):
        raise StripeError(f"Invalid API Key provided: {_masked(key)}", status=401, early=True)
    account = sandbox.store.account_of(key)
    if account is None:
        with sandbox.store.transaction() as connection:
            account, is_new = sandbox.store.open_account(connection, key, sandbox.clock())
            if is_new and sandbox.default_configuration:
                with written(Ledger(connection, account, sandbox.clock(), sandbox.public_url)) as ledger:
                    add_default(ledger)
    return account


def _key_in(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    value = value.strip()
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode("ascii").partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    elif scheme.lower() != "bearer":
        value = ""
    if not value:
        raise StripeError(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
            early=True,
        )
    return value


def _masked(key: str) -> str:
    shown = key if key.isascii() and key.isprintable() else "?"
    return shown[:8] + "*" * 8 + shown[-4:] if len(shown) > 12 else "*" * len(shown)
