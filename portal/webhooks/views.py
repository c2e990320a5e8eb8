"""The door for Stripe: read, check the signature, store, commit, and only then say so."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from portal import access, clock, failpoints, unit_of_work
from portal.webhooks import inbox, signature

bp = Blueprint("webhooks", __name__)

LARGEST_BODY = 1024 * 1024
RECEIVED = '{"received": true, "result": 0, "message": ""}'


@bp.post("/api/subscription/StripeUrl")
@access.signed
def receive() -> Response:
    """Take an event of the vendor `?id=`: 200 only when it is stored for good, and for every repetition."""
    request.max_content_length = LARGEST_BODY
    body = request.get_data(cache=False)
    endpoint = inbox.find_endpoint(request.args.get("id", ""))
    if endpoint is None:
        raise NotFound
    header = request.headers.get("Stripe-Signature", "")
    if not signature.is_genuine(body, header, endpoint.secrets, clock.unix()):
        raise BadRequest
    try:
        row = inbox.row_for(endpoint, body)
    except inbox.Unreadable as error:
        raise BadRequest from error
    with unit_of_work.own_transaction() as connection:
        inbox.store(connection, row)
        failpoints.reach("webhooks.door.before_commit")
    failpoints.reach("webhooks.door.after_commit")
    return Response(RECEIVED, mimetype="application/json")
