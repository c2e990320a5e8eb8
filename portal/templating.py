"""How templates are looked up and compiled: once per language, with its fixed sentences written in."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from flask.templating import Environment
from jinja2 import BaseLoader, Template, nodes
from jinja2.compiler import CodeGenerator
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from markupsafe import Markup, escape

from portal.i18n import fixed_text, page_language

FIXED = ("variable_begin", "name", "lparen", "string", "rparen", "variable_end")


class FixedTexts(Extension):
    """Puts the translation in the place of `{{ _("…") }}` when a template is compiled.

    A page has some fifty such sentences, and rows repeat theirs: looking each up and escaping it anew cost as much as
    the page's database query. Sentences with variables, and those handed to macros, are translated as they are printed.
    """

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """The template's tokens, fixed sentences as plain text."""
        if not isinstance(self.environment, PageEnvironment) or self.environment.language is None:
            yield from stream
            return
        tokens = list(stream)
        place = 0
        while place < len(tokens):
            call = tokens[place : place + len(FIXED)]
            if tuple(token.type for token in call) == FIXED and call[1].value == "_":
                yield Token(call[0].lineno, "data", str(fixed_text(self.environment.language, call[3].value)))
                place += len(call)
            else:
                yield tokens[place]
                place += 1


def printed(value: Any) -> Any:
    """What `{{ value }}` prints where autoescape is on: to the letter what MarkupSafe's `escape` makes of it.

    `escape` wraps each result once more, though templates only join what they print, and copies what is HTML already;
    on a page with a hundred values that was a twelfth of its cost.
    """
    kind = type(value)
    if kind is Markup:
        return value
    if kind is str and not ("<" in value or "&" in value or '"' in value or "'" in value or ">" in value):
        return value
    return escape(value)


class Writer(CodeGenerator):
    """Jinja's compiler, printing values with `printed`."""

    def _output_child_pre(self, node: nodes.Expr, frame: Any, finalize: Any) -> None:
        if frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None:
            self.write("environment.printed(")
        else:
            super()._output_child_pre(node, frame, finalize)


class PageEnvironment(Environment):
    """Flask's environment, with a variant per language that compiles and keeps that language's templates.

    language: of a variant, whose templates find one another; None for the app's own.
    Globals are copied when a template is loaded, so all must be set before the first one.
    """

    language: str | None = None
    code_generator_class = Writer
    printed = staticmethod(printed)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.add_extension(FixedTexts)
        self.variants: dict[tuple[str, BaseLoader | None], PageEnvironment] = {}

    def get_template(
        self, name: str | Template, parent: str | None = None, globals: MutableMapping[str, Any] | None = None
    ) -> Template:
        """A template in the language of the running request."""
        if self.language is None:
            return self.variant(page_language()).get_template(name, parent, globals)
        return super().get_template(name, parent, globals)

    def variant(self, language: str) -> PageEnvironment:
        """This environment for one language."""
        key = (language, self.loader)
        if key not in self.variants:
            made = self.variants[key] = self.overlay()
            made.language = language
        return self.variants[key]

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """What a template finds beside what it is given: one plain dictionary instead of chained ones."""
        return {**self.globals, **(d or {})}
