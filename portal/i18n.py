"""Which language and which side a page starts from."""

from __future__ import annotations

from flask import Flask, g, has_request_context, request
from flask_babel import get_locale as babel_locale

from portal.extensions import babel

LANGUAGES = ("en",)


def init_app(app: Flask) -> None:
    """Bind Flask-Babel and give templates the page's language."""
    babel.init_app(app, default_locale="en", default_timezone="UTC", locale_selector=chosen_language)
    app.jinja_env.globals.update(page_lang=page_language, page_dir=page_direction)


def chosen_language() -> str:
    """The user's choice, else the vendor's, else the browser's, among the languages we have."""
    if not has_request_context():
        return g.get("language", "en") if g else "en"
    for wanted in (getattr(g.get("visitor"), "language", None), getattr(g.get("vendor"), "language", None)):
        if wanted in LANGUAGES:
            return str(wanted)
    return request.accept_languages.best_match(LANGUAGES) or "en"


def page_language() -> str:
    """Value of the `lang` attribute."""
    return str(babel_locale() or "en").replace("_", "-")


def page_direction() -> str:
    """Value of the `dir` attribute: ltr or rtl."""
    locale = babel_locale()
    return str(locale.text_direction) if locale else "ltr"
