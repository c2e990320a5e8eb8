"""The yardstick of the door: a Flask route that only checks the signature."""

from __future__ import annotations

import hashlib
import hmac

from flask import Flask, Response, abort, request

from tests.webhooks.letters import SECRET

app = Flask("bare door")


@app.post("/api/subscription/StripeUrl")
def receive() -> Response:
    """HMAC over the raw body, and nothing else: no age, no look-up, nothing stored."""
    stamp, _, given = request.headers["Stripe-Signature"].partition(",v1=")
    signed = stamp.removeprefix("t=").encode() + b"." + request.get_data(cache=False)
    if not hmac.compare_digest(hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest(), given):
        abort(400)
    return Response('{"received": true}', mimetype="application/json")
