"""The door of the API: key, version, parameters, idempotency, then the operation."""

import json
import re
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, current_app, request
from werkzeug.http import http_date

from portal.sandbox import accounts, idempotency, ids, wire
from portal.sandbox.accidents import mishaps
from portal.sandbox.engine import renewing
from portal.sandbox.errors import StripeError
from portal.sandbox.expansion import expand
from portal.sandbox.journal import written
from portal.sandbox.ledger import Ledger
from portal.sandbox.operations import Call, Operation
from portal.sandbox.params import read_fields

DEFAULT_VERSION = "2026-05-27.dahlia"
OLDEST_VERSION = "2025-03-31.basil"
VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?", re.ASCII)
FORM = "application/x-www-form-urlencoded"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

bp = Blueprint("api", __name__)


@bp.route("/v1", methods=METHODS, provide_automatic_options=False)
@bp.route("/v1/<path:rest>", methods=METHODS, provide_automatic_options=False)
def answer(rest: str = "") -> Response:
    """Answer any API request, refusals included."""
    request_id = ids.request_id()
    try:
        return _answer(request_id)
    except StripeError as error:
        return respond(error.status, json.dumps(error.body()), request_id, **error.headers)


def respond(status: int, body: str, request_id: str, **headers: str) -> Response:
    """A JSON answer with the headers that every API answer carries."""
    response = Response(body, status, content_type="application/json")
    response.headers["Request-Id"] = request_id
    response.headers["Stripe-Version"] = _asked_version() or DEFAULT_VERSION
    response.headers["Cache-Control"] = "no-cache, no-store"
    response.headers["Date"] = http_date(current_app.extensions["sandbox"].clock())
    key = request.headers.get("Idempotency-Key")
    if key and key.isprintable() and key.isascii():
        response.headers["Idempotency-Key"] = key[: idempotency.LONGEST]
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def unrecognized() -> StripeError:
    """No operation answers this method and path."""
    return StripeError(
        f"Unrecognized request URL ({request.method}: {request.path[:200]}). Please see https://stripe.com/docs or we "
        "can help at https://support.stripe.com/.",
        status=404,
        early=True,
    )


def _asked_version() -> str | None:
    asked = request.headers.get("Stripe-Version", "")
    return asked if VERSION.fullmatch(asked) else None


def _version() -> str:
    asked = request.headers.get("Stripe-Version")
    if asked is None:
        return DEFAULT_VERSION
    if not VERSION.fullmatch(asked):
        raise StripeError(f"Invalid Stripe API version: {asked[:50]}", early=True)
    if asked < OLDEST_VERSION:
        raise StripeError(f"The sandbox answers API versions from {OLDEST_VERSION} on, not {asked}.", early=True)
    return asked


def _parameters() -> dict[str, Any]:
    fields = wire.pairs(request.query_string)
    if request.method == "GET":
        return wire.nested(fields)
    body = request.get_data(cache=True)
    if body and request.mimetype not in (FORM, ""):
        raise StripeError(
            f"Invalid request (check that your POST content type is {FORM}). If you have questions, we can help at "
            "https://support.stripe.com/.",
            early=True,
        )
    return wire.nested(fields + wire.pairs(body))


def _answer(request_id: str) -> Response:
    sandbox = current_app.extensions["sandbox"]
    account = accounts.authenticate(sandbox, request.headers.get("Authorization", ""))
    version = _version()
    found = sandbox.router.match(request.method, request.path)
    if found is None:
        raise unrecognized()
    operation, path_ids = found
    given = _parameters()
    params = read_fields(given, operation.fields, operation.required)
    renewing.catch_up(sandbox.store, sandbox.clock(), sandbox.public_url)
    accident = mishaps.strike(sandbox, account, request.method, request.path)
    mishaps.refuse(accident)
    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    if key:
        mark = idempotency.fingerprint(request.method, request.path, given)
        kept = idempotency.claim(sandbox.store, account, key, mark, request_id, sandbox.clock())
        if kept:
            return respond(
                kept.status, kept.body, request_id, Idempotent_Replayed="true", Original_Request=kept.request_id
            )
    work = Work(operation, account, key, params, path_ids, version, request_id, accident.kind if accident else None)
    status, body = _run(work)
    return mishaps.on_the_way(accident, respond(status, body, request_id))


@dataclass(frozen=True)
class Work:
    """A call that was let in. key: its idempotency key; mishap: the kind of accident it meets."""

    operation: Operation
    account: str
    key: str | None
    params: dict[str, Any]
    path_ids: dict[str, str]
    version: str
    request_id: str
    mishap: str | None


def _run(work: Work) -> tuple[int, str]:
    """Do the operation in one transaction, with the idempotent result in it."""
    sandbox = current_app.extensions["sandbox"]
    account, key = work.account, work.key
    try:
        if work.mishap == "server_error":
            raise mishaps.unknown_error()
        with sandbox.store.transaction(write=request.method != "GET") as connection:
            status, body = _operate(work, Ledger(connection, account, sandbox.clock(), sandbox.public_url))
            if key:
                idempotency.keep(connection, account, key, status, body)
        return status, body
    except StripeError as error:
        body = json.dumps(error.body())
        if key and error.early:
            idempotency.release(sandbox.store, account, key)
        elif key:
            with sandbox.store.transaction() as connection:
                idempotency.keep(connection, account, key, error.status, body)
        return error.status, body
    except BaseException:
        if key:
            idempotency.release(sandbox.store, account, key)
        raise


def _operate(work: Work, books: Ledger) -> tuple[int, str]:
    with written(books, {"id": work.request_id, "idempotency_key": work.key}) as ledger:
        call = Call(ledger, work.params, work.path_ids, request.path, work.version)
        answer = expand(ledger, work.operation.run(call), work.params.get("expand", []))
    if work.mishap == "server_error_after_commit":
        return 500, json.dumps(mishaps.unknown_error().body())
    return 200, json.dumps(answer)
