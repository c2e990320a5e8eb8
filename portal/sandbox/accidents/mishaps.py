"""What happens to single API calls."""

import threading
from typing import TYPE_CHECKING

from flask import Response, request

from portal.sandbox.accidents import orders
from portal.sandbox.errors import StripeError

if TYPE_CHECKING:
    from portal.sandbox import Sandbox

REFUSED = ("conflict", "forbidden", "rate_limited")
KINDS = (*REFUSED, "lost_reply", "server_error", "server_error_after_commit", "delay", "time_out")
DROP = "sandbox.drop_reply"
LONGEST_SECONDS = 120


def strike(sandbox: "Sandbox", account: str, method: str, path: str) -> orders.Accident | None:
    """The accident that this call meets, if any. Orders may name a method and the beginning of a path."""
    with sandbox.store.transaction(write=False) as connection:
        if connection.execute("SELECT 1 FROM accidents WHERE times > 0 LIMIT 1").fetchone() is None:
            return None

    def is_meant(facts: orders.Facts) -> bool:
        return facts.get("method", method) == method and path.startswith(facts.get("path") or "/")

    with sandbox.store.transaction() as connection:
        about = {"method": method, "path": path}
        return orders.strike(connection, account, KINDS, is_meant, about, sandbox.clock())


def refuse(accident: orders.Accident | None) -> None:
    """Stop the call before it begins, as Stripe does under load, or for a restricted key. Raises StripeError."""
    if accident is None or accident.kind not in REFUSED:
        return
    headers = {}
    if "retry_after" in accident.facts:
        headers["Retry_After"] = str(accident.facts["retry_after"])
    if "should_retry" in accident.facts:
        headers["Stripe_Should_Retry"] = "true" if accident.facts["should_retry"] else "false"
    if accident.kind == "forbidden":
        raise StripeError(
            "The provided key does not have the required permissions for this endpoint. Having more permissions would "
            "allow this request to continue.",
            status=403,
            early=True,
        )
    if accident.kind == "conflict":
        message = "There is currently another in-progress request using this object. Please try again."
        raise StripeError(message, status=409, code="idempotency_key_in_use", early=True, headers=headers)
    raise StripeError("Request rate limit exceeded.", status=429, code="rate_limit", early=True, headers=headers)


def unknown_error() -> StripeError:
    """Stripe's own failure; kept under the idempotency key, and so replayed."""
    return StripeError("An unknown error occurred", status=500, kind="api_error")


def on_the_way(accident: orders.Accident | None, response: Response) -> Response:
    """The work is done and committed; the answer comes late, or never."""
    if accident is None:
        return response
    if accident.kind in ("delay", "time_out"):
        threading.Event().wait(min(float(accident.facts.get("seconds", 1)), LONGEST_SECONDS))
    if accident.kind in ("lost_reply", "time_out"):
        request.environ[DROP] = True
    return response
