"""One try: the event as the endpoint wants it, signed, posted to a loopback address."""

import hashlib
import hmac
import http.client
import ipaddress
import json
from collections.abc import Callable
from urllib.parse import urlsplit

from portal.sandbox import older_shapes
from portal.sandbox.expansion import present
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.webhooks.schedule import Delivery

PATIENCE_SECONDS = 10
Post = Callable[[str, bytes, dict[str, str]], int]


def signature(secret: str, body: bytes, at: int) -> str:
    """The `Stripe-Signature` header: HMAC-SHA256 of `<t>.<body>` under the endpoint's secret."""
    mark = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mark}"


def is_loopback(url: str) -> bool:
    """Whether the address leads to this machine; nothing is ever sent elsewhere."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def request_for(ledger: Ledger, delivery: Delivery, endpoint: Document, at: int) -> tuple[bytes, dict[str, str]] | None:
    """Body and headers of this try, or None when the event is gone. at: the world's time, which the signature names."""
    event = ledger.find("event", delivery.event)
    if event is None:
        return None
    shown = present(ledger, event)
    version = delivery.twist.get("api_version") or endpoint["api_version"]
    if version:
        shown = older_shapes.event_in(ledger, shown, version)
    body = json.dumps(shown, indent=2).encode()
    secret = "whsec_of_somebody_else" if delivery.twist.get("wrong_signature") else endpoint["_more"]["secret"]
    signed_at = at + int(delivery.twist.get("signed_seconds_off", 0))
    return body, {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature(secret, body, signed_at),
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send it and return the HTTP status; redirects are not followed. Raises OSError, http.client.HTTPException."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = connection.getresponse()
        answer.read(65_536)
        return answer.status
    finally:
        connection.close()
