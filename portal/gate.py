"""The one place that enforces access marks: host → vendor → session → staff role or association → terms → mark."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask, Request, current_app, g, redirect, request
from flask_babel import gettext as _
from sqlalchemy import bindparam, update
from werkzeug.wrappers import Response

from portal import access, addresses, clock, cookies, crypto, csrf, unit_of_work
from portal.access import Mark
from portal.account import remembering, sessions
from portal.account.models import UserSession
from portal.account.sessions import Visitor
from portal.audit.service import Actor
from portal.current import current_g, current_request
from portal.errors import Conflict, Forbidden, NotFound, PortalError
from portal.forms import has_odd_characters
from portal.staff import service as staff
from portal.terms import service as terms

SEEN_EVERY = timedelta(minutes=5)
READING = ("GET", "HEAD")


class NotSignedIn(PortalError):
    """A form was sent without a session."""

    status = 401


class Malformed(PortalError):
    """A request no page of ours makes."""

    status = 400


def init_app(app: Flask) -> None:
    """Put the gate in front of every view."""

    @app.url_value_preprocessor
    def take_domain(endpoint: str | None, values: dict[str, object] | None) -> None:
        current_g().domain = values.pop("domain", None) if values else None

    @app.url_defaults
    def give_domain(endpoint: str, values: dict[str, object]) -> None:
        if "domain" not in values and g.get("vendor") and app.url_map.is_endpoint_expecting(endpoint, "domain"):
            values["domain"] = g.vendor.domain

    app.before_request(enforce)
    app.view_functions.setdefault("static", app.send_static_file)
    access.public(app.view_functions["static"])


def enforce() -> Response | None:
    """Let the request through to its view, or answer in its place."""
    request, here = current_request(), current_g()
    if request.endpoint is None:
        return None
    mark = access.mark_of(_view(request))
    if mark is None:
        raise Forbidden
    here.vendor = here.visitor = here.staff_role = None
    if mark.kind == "signed":
        return None
    _refuse_odd_requests(request)
    here.customers = ()
    here.read_only = True
    _recognize(here)
    answer = _answer_for(mark, here)
    if answer is not None:
        return answer
    if request.method in READING:
        return None
    unit_of_work.rollback()
    here.read_only = False
    if mark.kind != "token":
        _check_token(mark)
    return None


def _view(request: Request) -> Callable[..., object]:
    return current_app.view_functions[str(request.endpoint)]


def _keeps_form(request: Request) -> bool:
    """Whether the view shows its own form again, with what is wrong about it."""
    return getattr(_view(request), "keeps_form", False)


def _refuse_odd_requests(request: Request) -> None:
    asked = request.args
    if has_odd_characters(request.path):
        raise Malformed
    if not asked and request.method in READING:
        return
    # Forms that a page shows again say so next to the field; what a view reads by itself is refused here.
    read_as_is = request.method not in READING and not _keeps_form(request)
    for values in (asked, request.form) if read_as_is else (asked,):
        if any(has_odd_characters(f"{k}{v}") for k, v in values.items(multi=True)):
            raise Malformed
    for values in (asked,) if request.method in READING else (asked, request.form):
        if any(len(values.getlist(name)) > 1 for name in values):
            raise Malformed(_("A field was sent twice. Nothing was changed."))


def _recognize(here: Any) -> None:
    """Set vendor, visitor and staff role for this request."""
    cookie = cookies.read(cookies.SESSION)
    digest = crypto.digest(cookie) if cookie else ""
    if not _find_visitor(here, digest):
        _resume(here)
    visitor = here.visitor
    if visitor is not None:
        if "session_digest" not in here:
            here.session_digest = digest
        here.actor = Actor("staff" if here.staff_role else "user", visitor.id, visitor.email)
        _note_seen(visitor)


def _find_visitor(here: Any, digest: str) -> bool:
    """Set who asks at which vendor, by the digest of the session's cookie; whether that is anybody."""
    domain = here.domain
    if domain is not None:
        visit = sessions.find_visit(domain, digest)
        if visit is None:
            raise NotFound(_("There is no portal at this address."))
        here.vendor, here.visitor = visit
        return visit[1] is not None
    desk = staff.find_desk(digest) if digest else None
    if desk is None:
        return False
    here.visitor, here.vendor, here.staff_role = desk.visitor, desk.vendor, desk.role
    return True


def _resume(here: Any) -> None:
    """Sign in again from a remember-me cookie."""
    if not cookies.read(cookies.REMEMBER):
        return
    renewed = remembering.resume()
    if renewed is None:
        return
    here.session_digest = renewed
    here.read_only = True
    _find_visitor(here, renewed)


def _note_seen(visitor: Visitor) -> None:
    now = clock.now()
    if now - visitor.last_seen_at < SEEN_EVERY:
        return
    seen = (
        update(UserSession)
        .where(UserSession.id == bindparam("row"), UserSession.created_at > now - sessions.LONGEST)
        .values(last_seen_at=now, expires_at=now + sessions.IDLE)
    )
    with unit_of_work.own_transaction() as connection:
        connection.execute(seen, {"row": visitor.session_id})


def _answer_for(mark: Mark, here: Any) -> Response | None:
    if mark.kind in ("public", "token"):
        here.private = request.endpoint != "static"
        return None
    here.private = True
    if here.visitor is None:
        return _ask_to_sign_in()
    if mark.kind == "staff":
        return _check_staff(mark)
    if here.domain is not None:
        return _check_customer(mark, here)
    return None


def _ask_to_sign_in() -> Response:
    if request.method not in READING:
        raise NotSignedIn
    page = addresses.portal_path(g.vendor, "SignIn") if g.domain is not None else "/SignIn"
    wanted = addresses.safe_next(request.full_path.rstrip("?"))
    return redirect(f"{page}?{addresses.query(next=wanted)}" if wanted else page, code=303)


def _check_staff(mark: Mark) -> Response | None:
    if g.vendor is None:
        if staff.list_desks(g.visitor.id):
            return redirect(
                f"/SignIn?{addresses.query(next=addresses.safe_next(request.path) or '/Customer')}", code=303
            )
        raise Forbidden(_("This part is for the vendor's staff."))
    if sessions.misses_second_step(g.visitor, g.vendor, as_staff=True):
        return _ask_to_sign_in()
    if not access.at_least(g.staff_role, str(mark.role)):
        raise Forbidden
    return None


def _check_customer(mark: Mark, here: Any) -> Response | None:
    vendor, visitor = here.vendor, here.visitor
    if sessions.misses_second_step(visitor, vendor):
        return _ask_to_sign_in()
    found = terms.standing(vendor, visitor.id)
    here.customers, here.terms_due = found.customers, found.terms_due
    if found.terms_due and not mark.terms_open:
        wanted = addresses.safe_next(request.full_path.rstrip("?")) if request.method in READING else None
        page = addresses.portal_path(vendor, "Terms")
        return redirect(f"{page}?{addresses.query(next=wanted)}" if wanted else page, code=303)
    if mark.kind == "customer" and not found.customers:
        return redirect(addresses.portal_path(vendor), code=303)
    return None


def _check_token(mark: Mark) -> None:
    g.csrf_failed = not csrf.is_valid(request)
    if g.csrf_failed and not _keeps_form(current_request()):
        raise Malformed(_("This page was open for too long. Nothing was changed. Please go back and try again."))
    if mark.kind == "staff" and request.form.get("vendor") != str(g.vendor.id):
        raise Conflict(
            _("You switched to another vendor in a different tab. Nothing was changed. Reload the page first.")
        )
