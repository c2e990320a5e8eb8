"""The door for Stripe: read, check the signature, store, commit, and only then say so."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import BadRequest, NotFound

from portal import access, clock, failpoints, unit_of_work
from portal.current import current_request
from portal.extensions import db
from portal.webhooks import inbox, signature
from portal.webhooks.group_commit import GroupCommit

bp = Blueprint("webhooks", __name__)

LARGEST_BODY = 1024 * 1024
RECEIVED = '{"received": true, "result": 0, "message": ""}'


@bp.record_once
def _open(state: BlueprintSetupState) -> None:
    state.app.extensions["inbox"] = GroupCommit(_write)


@bp.post("/api/subscription/StripeUrl")
@access.signed
def receive() -> Response:
    """Take an event of the vendor `?id=`: 200 only when it is stored for good, and for every repetition."""
    request = current_request()
    request.max_content_length = LARGEST_BODY
    body = request.get_data(cache=False)
    row = _row_for(request.args.get("id", ""), request.headers.get("Stripe-Signature", ""), body)
    current_app.extensions["inbox"].store(row)
    failpoints.reach("webhooks.door.after_commit")
    return Response(RECEIVED, mimetype="application/json")


def _row_for(vendor: str, header: str, body: bytes) -> dict[str, Any]:
    """What is to be stored. What is remembered may only let in: before a refusal the vendor's account is read anew."""
    for anew in (False, True):
        endpoint = inbox.find_endpoint(vendor, anew=anew)
        if endpoint is None or not signature.is_genuine(body, header, endpoint.secrets, clock.unix()):
            continue
        try:
            row = inbox.row_for(endpoint, body)
        except inbox.Unreadable as error:
            raise BadRequest from error
        if anew or row["state"] != "ignored":
            return row
    raise NotFound if endpoint is None else BadRequest


def _write(rows: list[dict[str, Any]]) -> None:
    with unit_of_work.own_cursor() as cursor:
        inbox.write(cursor, db.engine.dialect, rows)
        failpoints.reach("webhooks.door.before_commit")
