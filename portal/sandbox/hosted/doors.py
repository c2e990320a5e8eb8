"""What all hosted pages share: entering with a token, the language, leaving, and the page for dead links."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from babel import Locale, UnknownLocaleError
from flask import current_app, g, redirect, render_template, request, url_for

from portal.sandbox.engine import renewing
from portal.sandbox.hosted.visits import Visit, enter
from portal.sandbox.journal import written


def with_visit(view: Callable[..., Any]) -> Callable[..., Any]:
    """Give the view the visit of its token, inside one transaction; a dead token gets a friendly page."""

    @wraps(view)
    def guarded(token: str, **path: str) -> Any:
        sandbox = current_app.extensions["sandbox"]
        renewing.catch_up(sandbox.store, sandbox.clock(), sandbox.public_url)
        with sandbox.store.transaction() as connection:
            visit = enter(connection, token, sandbox.clock(), sandbox.public_url)
            if visit is None:
                return gone()
            g.visit = visit
            allow_forms_to(*destinations(visit))
            with written(visit.ledger) as ledger:
                return view(replace(visit, ledger=ledger), **path)

    return guarded


def gone() -> tuple[str, int]:
    """The session is over, or never was."""
    return render_template("sandbox/gone.html"), 404


def destinations(visit: Visit) -> list[str]:
    """Every address outside that a form of this session may lead to."""
    after = (visit.flow or {}).get("after_completion") or {}
    redirect_to = (after.get("redirect") or {}).get("return_url")
    return [address for address in (visit.return_url, redirect_to) if address]


def allow_forms_to(*addresses: str) -> None:
    """Let the content security policy allow forms that end at these addresses' origins."""
    parts = [urlsplit(address) for address in addresses]
    g.form_targets = sorted({f"{part.scheme}://{part.netloc}" for part in parts if part.netloc})


def printable(text: str) -> str:
    """The text without characters that no page can show."""
    return "".join(letter for letter in text if letter.isprintable())


def home(visit: Visit) -> Any:
    """Back to the portal's first page."""
    return redirect(url_for("portal.home", token=visit.token), 303)


def finish(visit: Visit, message: str) -> Any:
    """Leave a task the way the session asked for: back home, a confirmation, or the caller's address."""
    if visit.flow is None:
        return redirect(url_for("portal.home", token=visit.token, done=1), 303)
    after = visit.flow["after_completion"]
    if after["type"] == "redirect":
        return redirect(after["redirect"]["return_url"], 303)
    if after["type"] == "hosted_confirmation":
        custom = (after["hosted_confirmation"] or {}).get("custom_message")
        return render_template("sandbox/done.html", visit=visit, message=custom or message)
    return redirect(url_for("portal.home", token=visit.token, done=1), 303)


def locale() -> str | None:
    """The language of this page: the session's, the customer's, else the browser's."""
    visit: Visit | None = g.get("visit")
    wanted = [visit.session["locale"], *(visit.customer["preferred_locales"] or [])] if visit else []
    wanted += g.get("wanted_locales", [])
    wanted += list(request.accept_languages.values())
    for name in wanted:
        with suppress(UnknownLocaleError, ValueError):
            if name and name != "auto":
                return str(Locale.parse(name, sep="-"))
    return None
