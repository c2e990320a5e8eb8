"""Events by the thousand, signed, each as the bytes of one HTTP request."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.webhooks.letters import SECRET

PATH = "/api/subscription/StripeUrl"
KINDS = (
    "customer.subscription.created",
    "invoice.paid",
    "invoice.payment_succeeded",
    "customer.subscription.updated",
    "checkout.session.completed",
)
TEMPLATE = (Path(__file__).parent / "event.template.json").read_text()  # 4 KB, set as Stripe sets what it sends
PLACE = re.compile("@([A-Z]+)@")
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
    is_own = kind.startswith("customer.")
    facts = {
        "EVENT": f"evt_bench{number:08d}",
        "KIND": kind,
        "ID": subject if is_own else f"{kind[:2]}_{number}",
        "OBJECT": "subscription" if is_own else kind.partition(".")[0],
        "SUBSCRIPTION": subject,
        "CREATED": str(int(time.time())),
        "RANDOM": secrets.token_urlsafe(18),
    }
    return PLACE.sub(lambda found: facts[found[1]], TEMPLATE).encode()


def _signature(body: bytes) -> str:
    stamp = str(int(time.time()))
    digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"
