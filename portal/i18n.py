"""Which language and which side a page starts from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Flask, has_app_context, has_request_context, request
from flask_babel import get_locale as babel_locale
from flask_babel import get_translations
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from portal.current import current_g
from portal.extensions import babel

LANGUAGES = ("en",)


def init_app(app: Flask) -> None:
    """Bind Flask-Babel and give templates the page's language."""
    babel.init_app(app, default_locale="en", default_timezone="UTC", locale_selector=chosen_language)
    app.jinja_env.globals.update(
        page_lang=page_language, page_dir=page_direction, _=template_text, gettext=template_text
    )


def chosen_language() -> str:
    """The mail's language, else the user's choice, else the vendor's, else the browser's, among those we have."""
    if not has_app_context():
        return "en"
    here = current_g()
    for wanted in (here.get("language"), _language_of(here.get("visitor")), _language_of(here.get("vendor"))):
        if wanted in LANGUAGES:
            return str(wanted)
    return (request.accept_languages.best_match(LANGUAGES) if has_request_context() else None) or "en"


def _language_of(chooser: Any) -> str | None:
    return getattr(chooser, "language", None)


def page_language() -> str:
    """Value of the `lang` attribute; found out once per request or mail."""
    if not has_app_context():
        return "en"
    here = current_g()
    known = here.get("page_language")
    if known is None:
        known = here.page_language = chosen_language().replace("_", "-")
    return str(known)


def outside_language() -> str:
    """The language of Stripe's pages: the visitor's choice, else `auto`, which goes by the customer and the browser.

    Not the page's: that is English where we do not have what the visitor reads, and Stripe may have it.
    """
    return _language_of(current_g().get("visitor")) or "auto"


def page_direction() -> str:
    """Value of the `dir` attribute: ltr or rtl."""
    locale = babel_locale()
    return str(locale.text_direction) if locale else "ltr"


@pass_context
def template_text(context: Context, text: str, **variables: Any) -> str:
    """`_("…")` in templates, where `templating` has not written the sentence in: as Flask-Babel does it, but a sentence
    without variables is translated once per language.
    """
    escaping = context.eval_ctx.autoescape
    if escaping and not variables:
        return fixed_text(context.get("page_language") or page_language(), text)
    translated = get_translations().ugettext(text)
    return (Markup(translated) if escaping else translated) % variables  # noqa: S704 (our own catalog)


@lru_cache(maxsize=4096)
def fixed_text(language: str, text: str) -> Markup:
    """A translated sentence in the language of the running request, which `language` names."""
    return Markup(get_translations().ugettext(text)) % ()  # noqa: S704 (our own catalog)
