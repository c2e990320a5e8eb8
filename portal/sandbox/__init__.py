"""A stand-in for Stripe: its HTTP API and its hosted billing portal, for the demo, for tests and for trying things out.

No real money moves. It shares nothing with the rest of the portal: the two speak HTTP only.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, g, render_template, request
from flask_babel import Babel, get_locale
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from portal.sandbox.clock import Clock, MovedClock, system_clock
from portal.sandbox.operations import Router
from portal.sandbox.store import Store
from portal.sandbox.webhooks.courier import Courier

LARGEST_BODY = 1024 * 1024


@dataclass(frozen=True)
class Sandbox:
    """What every request needs. default_configuration: new accounts start with saved portal settings."""

    store: Store
    clock: MovedClock
    public_url: str
    router: Router
    default_configuration: bool


def create_sandbox(
    database_path: str | Path,
    public_url: str,
    *,
    clock: Clock = system_clock,
    portal_origins: Sequence[str] = (),
    default_configuration: bool = True,
) -> Flask:
    """Make the WSGI app.

    public_url: origin under which browsers reach it. clock: Unix seconds; tests give one that moves. portal_origins:
    sites that hosted pages lead back to. default_configuration: False makes accounts like new Stripe ones, whose portal
    settings were never saved.
    """
    from portal.sandbox import headers, resources

    resources.load()
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_BODY
    app.url_map.merge_slashes = False
    public_url = public_url.rstrip("/")
    store = Store(database_path)
    app.extensions["sandbox"] = Sandbox(store, MovedClock(clock, store), public_url, Router(), default_configuration)
    app.extensions["courier"] = Courier(app.extensions["sandbox"])
    _add_pages(app)
    headers.init_app(app, [_origin(address) for address in portal_origins])
    app.register_error_handler(Exception, _answer_error)
    return app


def _add_pages(app: Flask) -> None:
    """The API, the hosted pages, and what their templates use."""
    from portal.sandbox import api
    from portal.sandbox.accidents import views as control
    from portal.sandbox.hosted import accidents, checkout, doors, flows, invoices, login, overview, portal, shops, shown

    Babel(app, locale_selector=doors.locale)
    for module in (api, control, accidents, checkout, portal, flows, invoices, login, overview, shops):
        app.register_blueprint(module.bp)
    app.jinja_env.filters |= {"day": shown.day, "price": shown.price_text, "card": shown.card_text}
    app.jinja_env.filters["moment"] = accidents.moment
    app.jinja_env.filters["status"] = shown.status_text
    app.jinja_env.globals |= {"get_locale": get_locale, "money": shown.money, "changeable": portal.changeable}


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _answer_error(error: Exception) -> Response | tuple[str, int]:
    """Errors in Stripe's format under /v1, as a page elsewhere."""
    from portal.sandbox import api, ids
    from portal.sandbox.errors import StripeError

    status = (error.code or 500) if isinstance(error, HTTPException) else 500
    if not isinstance(error, HTTPException):
        from flask import current_app

        current_app.logger.exception("unexpected error")
    if request.path.startswith("/v1"):
        if isinstance(error, (MethodNotAllowed, NotFound)):
            refusal = api.unrecognized()
        elif status == 500:
            refusal = StripeError("An unknown error occurred", status=500, kind="api_error")
        else:
            refusal = StripeError(getattr(error, "description", "") or "Invalid request", status=status)
        return api.respond(refusal.status, json.dumps(refusal.body()), ids.request_id())
    g.pop("visit", None)
    return render_template("sandbox/gone.html"), 404 if status == 405 else status
