"""Events by the thousand, signed, each as the bytes of one HTTP request."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator, Sequence

from tests.webhooks.letters import SECRET

PATH = "/api/subscription/StripeUrl"
KINDS = (
    "customer.subscription.created",
    "invoice.paid",
    "invoice.payment_succeeded",
    "customer.subscription.updated",
    "checkout.session.completed",
)
PADDING = "x" * 2600  # a subscription's event is about 3 KB
_numbers = itertools.count(1)


def requests(vendor_id: int, subjects: Sequence[str]) -> Iterator[bytes]:
    """POST requests without end: every kind in turn for each subject (`sub_…`), then all over again."""
    head = f"POST {PATH}?id={vendor_id} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for kind, subject in itertools.cycle(itertools.product(KINDS, subjects)):
        body = event(kind, subject)
        fields = f"Content-Length: {len(body)}\r\nStripe-Signature: {_signature(body)}\r\n\r\n"
        yield (head + fields).encode() + body


def event(kind: str, subject: str) -> bytes:
    """The body of an event about a subscription, as new as can be."""
    number = next(_numbers)
    shown: dict[str, str] = {"id": f"{kind[:2]}_{number}", "subscription": subject}
    if kind.startswith("customer."):
        shown = {"id": subject, "object": "subscription"}
    body = {
        "id": f"evt_bench{number:08d}",
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {**shown, "padding": PADDING}},
    }
    return json.dumps(body).encode()


def _signature(body: bytes) -> str:
    stamp = str(int(time.time()))
    digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"
