"""Events as Stripe would send them, signed by the test itself."""

from __future__ import annotations

import contextvars
import hashlib
import hmac
import itertools
import json
from typing import Any

from werkzeug.test import TestResponse

from portal import clock
from portal.extensions import db
from tests.support.page import Page

SECRET = "whsec_first0123456789"
_numbers = itertools.count(1)


def event(kind: str = "customer.subscription.updated", shown: dict[str, Any] | None = None, **more: Any) -> bytes:
    """The body of an event about an object."""
    body = {
        "id": f"evt_test{next(_numbers):06d}",
        "object": "event",
        "type": kind,
        "created": clock.unix(),
        "livemode": False,
        "data": {"object": shown or {"id": "sub_test1", "object": "subscription"}},
        **more,
    }
    return json.dumps(body).encode()


def signature(body: bytes, secret: str = SECRET, at: int | None = None) -> str:
    """The header that fits a body."""
    stamp = clock.unix() if at is None else at
    digest = hmac.new(secret.encode(), str(stamp).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def deliver(page: Page, body: bytes, vendor_id: object, header: str | None = None, **more: Any) -> TestResponse:
    """Post a body to a vendor's door; signed with its first secret unless a header is given."""
    db.session.commit()
    headers = {"Stripe-Signature": signature(body) if header is None else header}
    options = {"method": "POST", "content_type": "application/json; charset=utf-8", **more}
    address = f"/api/subscription/StripeUrl?id={vendor_id}"
    return contextvars.Context().run(lambda: page.client.open(address, data=body, headers=headers, **options))
