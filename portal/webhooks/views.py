"""The door for Stripe: read, check the signature, store, commit, and only then say so."""

from __future__ import annotations

from flask import Blueprint, Response
from werkzeug.exceptions import BadRequest, NotFound

from portal import access
from portal.current import current_request
from portal.webhooks import door, inbox
from portal.webhooks.endpoint import PATH

bp = Blueprint("webhooks", __name__)


@bp.post(PATH)
@access.signed
def receive() -> Response:
    """Take an event of the vendor `?id=`: 200 only when it is stored for good, and for every repetition.

    Most events do not come this far: `portal.webhooks.door.Door` has taken them.
    """
    request = current_request()
    request.max_content_length = door.LARGEST_BODY
    body = request.get_data(cache=False)
    endpoint = inbox.find_endpoint(request.args.get("id", ""))
    if endpoint is None:
        raise NotFound
    try:
        row = door.row_for(endpoint, request.headers.get("Stripe-Signature", ""), body)
    except inbox.Unreadable as error:
        raise BadRequest from error
    if row is None:
        raise BadRequest
    door.store(row)
    return door.received()
