"""Every refusal as a page, or as the API's envelope under /api. Never a stack trace."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response as WerkzeugResponse

from portal import addresses, logging, unit_of_work
from portal.errors import PortalError


def init_app(app: Flask) -> None:
    """Show refusals and surprises of the app."""
    app.register_error_handler(PortalError, show_refusal)
    app.register_error_handler(HTTPException, show_http_error)
    app.register_error_handler(OperationalError, show_database_away)
    app.register_error_handler(Exception, show_surprise)


def show_refusal(error: PortalError) -> Response:
    """An expected refusal raised by a service or the gate."""
    unit_of_work.rollback()
    response = _answer(error.status, error.message or _default_message(error.status))
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def show_http_error(error: HTTPException) -> Response | WerkzeugResponse:
    """What Werkzeug refuses: unknown paths, wrong methods, too large bodies, redirects."""
    unit_of_work.rollback()
    status = error.code or 500
    if status < 400:
        return error.get_response()
    message = (
        _("This is more than fits here.") if isinstance(error, RequestEntityTooLarge) else _default_message(status)
    )
    response = _answer(status, message)
    for name, value in error.get_headers(request.environ):
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def show_database_away(error: OperationalError) -> Response:
    """The database does not answer, or another writer holds it for too long: trying again helps."""
    unit_of_work.rollback()
    logging.get().error("database away", request_id=logging.request_id(), endpoint=request.endpoint, exc_info=error)
    response = _answer(503, _("The database does not answer at the moment. Nothing was changed."))
    response.headers["Retry-After"] = "5"
    return response


def show_surprise(error: Exception) -> Response:
    """A mistake of ours: logged with the request's id, shown without details."""
    unit_of_work.rollback()
    logging.get().error("request failed", request_id=logging.request_id(), endpoint=request.endpoint, exc_info=error)
    return _answer(500, _default_message(500))


def _answer(status: int, message: str) -> Response:
    g.private = True
    if request.path.lower().startswith("/api/"):
        return make_response(jsonify(result=1, message=message), status)
    url, label = _way_to_sign_in() if status == 401 else _way_on()
    page = render_template(
        "errors/page.html",
        status=status,
        title=_title(status),
        message=message,
        request_id=logging.request_id(),
        action_url=url,
        action_label=label,
    )
    return make_response(page, status)


def _way_to_sign_in() -> tuple[str, str]:
    """Sign in, and come back to the page with the form, if it is one of this site's."""
    left = urlsplit(request.referrer or "")
    path = left.path + (f"?{left.query}" if left.query else "")
    wanted = addresses.safe_next(path) if left.netloc == request.host else None
    page = addresses.portal_path(g.vendor, "SignIn") if g.get("vendor") else "/SignIn"
    return f"{page}?{addresses.query(next=wanted)}" if wanted else page, _("Sign in")


def _way_on() -> tuple[str, str]:
    """Where somebody who is stuck can go: the console, the vendor's portal, or the start page."""
    if g.get("staff_role"):
        return "/Customer", _("Go to the customers")
    vendor = g.get("vendor")
    if vendor is not None:
        return addresses.portal_path(vendor), _("Go to %(vendor)s", vendor=vendor.name)
    return "/", _("Go to the start page")


def _title(status: int) -> str:
    titles = {
        400: _("This request cannot be read"),
        401: _("Please sign in"),
        403: _("This is not allowed"),
        404: _("There is no such page"),
        405: _("This address does not take that"),
        409: _("Something changed in between"),
        410: _("This is no longer available"),
        413: _("That was too large"),
        422: _("Something needs another look"),
        429: _("Please wait a moment"),
        503: _("Please try again shortly"),
    }
    return titles.get(status, _("Something went wrong here"))


def _default_message(status: int) -> str:
    messages = {
        400: _("Nothing was changed. Please go back and try again."),
        401: _("Nothing was changed. Sign in and send the form again."),
        403: _("Your role does not allow this. Ask an owner of the account."),
        404: _("Check the address, or go back to where you came from."),
        405: _("Nothing was changed. Please go back and try again."),
        429: _("There were too many tries. Nothing is locked for good."),
        500: _("The mistake is ours and was written down. Nothing of yours is lost."),
    }
    return messages.get(status, _("Nothing was changed. Please go back and try again."))
