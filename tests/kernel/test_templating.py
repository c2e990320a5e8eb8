"""Templates are compiled once per language, with their fixed sentences written in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from babel.support import NullTranslations
from flask import Flask, g, render_template
from flask_babel import lazy_gettext
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, Undefined
from markupsafe import Markup, escape

from portal import i18n
from portal.templating import printed

TEMPLATES = {
    "page.html": """{% extends "frame.html" %}
{%- block text %}{{ _("Sign in") }}|{{ _('It costs "%(price)s"', price="<5>") }}{% endblock %}""",
    "frame.html": "<p>{{ _('Account') }}|{% block text %}{% endblock %}</p>",
    "values.html": "{% set it %}<b>{{ word }}</b>{% endset %}{{ it }}|{{ word }}|{{ word ~ it }}|{{ n }}|{{ gone }}",
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


def render(app: Flask, name: str, language: str, **context: object) -> str:
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


def test_everything_printed_is_escaped_once(templates: Flask) -> None:
    html = render(templates, "values.html", "en", word="<i> & 'it'", n=5)

    text = "&lt;i&gt; &amp; &#39;it&#39;"
    assert html == f"<b>{text}</b>|{text}|{text}<b>{text}</b>|5|"


class Pretender(str):
    """A text that is not quite one."""

    def __str__(self) -> str:
        return "<script>"


class Shown:
    """Something that brings its own HTML."""

    def __html__(self) -> str:
        return "<b>"


@given(st.text() | st.text("&<>'\"a;#39"))
def test_texts_are_printed_as_markupsafe_escapes_them(text: str) -> None:
    assert printed(text) == escape(text)
    assert printed(Markup(text)) == text


@pytest.mark.parametrize("value", [0, -1.5, None, True, Pretender("a"), Shown(), Undefined(name="gone"), ["<"], b"<"])
def test_so_is_everything_else(value: object) -> None:
    assert printed(value) == escape(value)


def test_and_sentences_translated_late(app: Flask) -> None:
    with app.app_context():
        assert printed(lazy_gettext("Terms & more")) == escape(lazy_gettext("Terms & more"))
