"""The short way in for events: those nobody needs to think about are stored without the rest of the portal."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, current_app

from portal import clock, failpoints, logging, unit_of_work
from portal.config import Settings
from portal.extensions import db
from portal.webhooks import inbox, signature
from portal.webhooks.endpoint import PATH
from portal.webhooks.group_commit import GroupCommit, Row
from portal.webhooks.inbox import Endpoint

LARGEST_BODY = 1024 * 1024
RECEIVED = b'{"received": true, "result": 0, "message": ""}'

Environ = dict[str, Any]


class Door:
    """WSGI middleware: takes genuine events of a vendor it remembers, and hands everything else to the portal.

    It only ever lets in. Whatever it does not know, or cannot do, is for the view behind it to look at and to refuse.
    """

    def __init__(self, app: Flask) -> None:
        app.extensions["inbox"] = _way_in(app.extensions["settings"])
        with app.test_request_context(PATH, method="POST"):
            self.headers = list(app.process_response(received()).headers)
        self.app, self.portal = app, app.wsgi_app

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        size = self._size(environ) if environ.get("PATH_INFO") == PATH else 0
        if size:
            body = environ["wsgi.input"].read(size)
            with self.app.app_context():
                if _takes(environ, body):
                    start_response("200 OK", self.headers)
                    return [RECEIVED]
            environ["wsgi.input"] = io.BytesIO(body)
        return self.portal(environ, start_response)

    def _size(self, environ: Environ) -> int:
        """Bytes of an event's body, or 0: not sent to us, or in another way than Stripe sends."""
        size = environ.get("CONTENT_LENGTH", "")
        is_ours = environ.get("HTTP_HOST", "").partition(":")[0] in self.app.config["TRUSTED_HOSTS"]
        if environ["REQUEST_METHOD"] != "POST" or not is_ours or not (size.isascii() and size.isdigit()):
            return 0
        return int(size) if len(size) <= 7 and int(size) <= LARGEST_BODY else 0


def _takes(environ: Environ, body: bytes) -> bool:
    """Whether an event is stored for good."""
    start, _, vendor = environ.get("QUERY_STRING", "").partition("=")
    endpoint = inbox.remembered_endpoint(vendor) if start == "id" else None
    if endpoint is None:
        return False
    try:
        row = row_for(endpoint, environ.get("HTTP_STRIPE_SIGNATURE", ""), body)
        if row is None or row["state"] == "ignored":
            return False
        store(row)
    except inbox.Unreadable:
        return False
    except Exception as error:
        logging.get().warning("an event has to take the long way", exc_info=error)
        return False
    return True


def row_for(endpoint: Endpoint, header: str, body: bytes) -> Row | None:
    """The inbox row of an event, None for one that is not genuine. Raises inbox.Unreadable."""
    if not signature.is_genuine(body, header, endpoint.secrets, clock.unix()):
        return None
    return inbox.row_for(endpoint, body)


def store(row: Row) -> None:
    """Return when the row is stored for good."""
    current_app.extensions["inbox"](row)
    failpoints.reach("webhooks.door.after_commit")


def received() -> Response:
    """What Stripe is told then."""
    return Response(RECEIVED, mimetype="application/json")


def _way_in(settings: Settings) -> Callable[[Row], None]:
    """How a row is stored. PostgreSQL makes commits that come at once share an fsync; for SQLite we do that."""
    return GroupCommit(_write).store if settings.is_sqlite else lambda row: _write([row])


def _write(rows: list[Row]) -> None:
    failpoints.reach("webhooks.door.before_commit")
    unit_of_work.own_statement(*inbox.insertion(db.engine.dialect, rows))
