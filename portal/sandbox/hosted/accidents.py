"""The accidents page: break things by hand and watch."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask_babel import format_datetime
from flask_babel import gettext as _

from portal.sandbox.accidents import control, deeds, orders, views
from portal.sandbox.engine import policies, renewing
from portal.sandbox.errors import StripeError
from portal.sandbox.hosted import accident_words

if TYPE_CHECKING:
    from portal.sandbox import Sandbox

bp = Blueprint("accidents", __name__, url_prefix="/accidents")
bp.before_request(views.refuse_strangers)
SHOWN = 15
STEPS = {"hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 31 * 86_400, "year": 366 * 86_400}


def _sandbox() -> "Sandbox":
    found: Sandbox = current_app.extensions["sandbox"]
    return found


@bp.get("")
def index() -> str:
    """Everything that can be broken, and what happened."""
    return _page()


@bp.post("/clock")
def move_clock() -> Any:
    """Go forward by a step."""
    if request.form.get("step") in STEPS:
        control.move_clock(_sandbox(), STEPS[request.form["step"]])
    return _back()


@bp.post("/order")
def order() -> Any:
    """Order an accident."""
    facts: dict[str, Any] = {}
    for name in ("path", "method", "api_version", "mode"):
        if request.form.get(name, "").strip():
            facts[name] = request.form[name].strip()[:200]
    if request.form.get("types", "").strip():
        facts["types"] = request.form["types"].split()
    times, seconds = request.form.get("times", ""), request.form.get("seconds", "").strip()
    if not _is_whole(times) or (seconds and not _is_whole(seconds)):
        return _page(_("Times and seconds are whole numbers.")), 422
    if seconds:
        facts["seconds"] = int(seconds)
    try:
        control.order(_sandbox(), request.form.get("kind", ""), int(times), facts)
    except StripeError as refusal:
        return _page(refusal.message), 422
    return _back()


@bp.post("/forget")
def forget() -> Any:
    """Take back every order."""
    with _sandbox().store.transaction() as connection:
        orders.forget(connection)
    return _back()


@bp.post("/release")
def release() -> Any:
    """Send what a reorder holds back."""
    control.release(_sandbox())
    return _back()


@bp.post("/settings")
def change_settings() -> Any:
    """Change settings."""
    try:
        control.change_settings(_sandbox(), {name: request.form.get(name) for name in policies.CHOICES})
    except StripeError as refusal:
        return _page(refusal.message), 422
    return _back()


@bp.post("/do/<deed>/<id_>")
def do(deed: str, id_: str) -> Any:
    """Do something to one object."""
    try:
        deeds.do(_sandbox(), deed, id_, {"paid": request.form.get("paid") == "yes"})
    except StripeError as refusal:
        return _page(refusal.message), 404 if refusal.status == 404 else 409
    return _back()


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 7


def _back() -> Any:
    return redirect(url_for("accidents.index"), 303)


def _page(error: str | None = None) -> str:
    sandbox = _sandbox()
    renewing.catch_up(sandbox.store, sandbox.clock(), sandbox.public_url)
    with sandbox.store.transaction(write=False) as connection:
        found = {kind: _newest(connection, kind) for kind in ("charge", "dispute", "webhook_endpoint")}
        sessions = [entry for entry in _newest(connection, "checkout.session") if _waits(entry)]
    return render_template(
        "sandbox/accidents.html",
        state=control.state(sandbox),
        groups=accident_words.by_group(),
        said=accident_words.by_kind(),
        choices=policies.CHOICES,
        steps=list(STEPS),
        error=error,
        charges=[charge for charge in found["charge"] if charge["status"] == "succeeded"],
        disputes=[entry for entry in found["dispute"] if entry["status"] not in ("won", "lost")],
        endpoints=[entry for entry in found["webhook_endpoint"] if not entry.get("deleted")],
        sessions=sessions,
    )


def _waits(session: dict[str, Any]) -> bool:
    return session["status"] == "complete" and session["payment_status"] == "unpaid"


def _newest(connection: Any, kind: str) -> list[dict[str, Any]]:
    rows = connection.execute("SELECT body FROM objects WHERE kind = ? ORDER BY position DESC LIMIT ?", (kind, SHOWN))
    return [json.loads(row["body"]) for row in rows]


def moment(at: int) -> str:
    """Date and time in the visitor's language."""
    return str(format_datetime(datetime.fromtimestamp(at, UTC), "medium"))
