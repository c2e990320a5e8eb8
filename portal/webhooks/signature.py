"""Is a webhook really from Stripe: HMAC-SHA-256 over time stamp and raw body, both too old and too new refused."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

TOLERANCE = 300  # seconds, both ways; Stripe's own library accepts any time in the future
LONGEST_HEADER = 4096


def is_genuine(body: bytes, header: str, secrets: Iterable[str], now: int) -> bool:
    """Whether the `Stripe-Signature` header fits the raw body under one of the secrets.

    header: `t=<unix>,v1=<hex>[,v1=…]`. now: unix seconds. Anything malformed is simply not genuine.
    """
    stamp, signatures = _parts(header)
    if stamp is None or abs(now - stamp) > TOLERANCE:
        return False
    message = str(stamp).encode() + b"." + body
    expected = [hmac.digest(secret.encode(), message, "sha256").hex() for secret in secrets if secret]
    return any([hmac.compare_digest(given, wanted) for given in signatures for wanted in expected])


def _parts(header: str) -> tuple[int | None, list[str]]:
    if not header.isascii() or len(header) > LONGEST_HEADER:
        return None, []
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    if len(stamps) != 1 or not (stamps[0].isdigit() and len(stamps[0]) <= 12 and str(int(stamps[0])) == stamps[0]):
        return None, []
    return int(stamps[0]), [value for name, _, value in pairs if name == "v1"]
