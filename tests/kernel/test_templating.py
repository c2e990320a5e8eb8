"""Templates are compiled once per language, with their fixed sentences written in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from babel.support import NullTranslations
from flask import Flask, g, render_template
from jinja2 import DictLoader

from portal import i18n

TEMPLATES = {
    "page.html": """{% extends "frame.html" %}
{%- block text %}{{ _("Sign in") }}|{{ _('It costs "%(price)s"', price="<5>") }}{% endblock %}""",
    "frame.html": "<p>{{ _('Account') }}|{% block text %}{% endblock %}</p>",
    "mail.txt": "{{ _('Sign in') }} & {{ word }}",
}


class Bold(NullTranslations):
    """A language in which every sentence is bold."""

    def ugettext(self, message: str) -> str:
        return f"<b>{message}</b>"


@pytest.fixture
def templates(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The app with templates of these tests, and a language `xx` beside English."""
    monkeypatch.setattr(app.jinja_env, "loader", DictLoader(TEMPLATES))
    monkeypatch.setattr(i18n, "LANGUAGES", ("en", "xx"))
    english = i18n.get_translations
    monkeypatch.setattr(i18n, "get_translations", lambda: Bold() if g.get("language") == "xx" else english())
    yield app
    i18n.fixed_text.cache_clear()


def render(app: Flask, name: str, language: str, **context: str) -> str:
    with app.app_context():
        g.language = language
        return render_template(name, **context)


def test_each_language_has_its_own_templates(templates: Flask) -> None:
    english = render(templates, "page.html", "en")
    other = render(templates, "page.html", "xx")

    assert english == '<p>Account|Sign in|It costs "&lt;5&gt;"</p>'
    assert other == '<p><b>Account</b>|<b>Sign in</b>|<b>It costs "&lt;5&gt;"</b></p>'
    assert render(templates, "page.html", "en") == english


def test_texts_without_escaping_stay_plain(templates: Flask) -> None:
    assert render(templates, "mail.txt", "en", word="<you>") == "Sign in & <you>"
