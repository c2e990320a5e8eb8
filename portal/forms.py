"""The form every page builds on: shape checks only, our token, one rule for odd characters."""

from __future__ import annotations

import unicodedata
from typing import Any

from flask import g, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, IntegerField, StringField
from wtforms.validators import ValidationError

REPLACEMENT = "\ufffd"  # what decoding puts where bytes are no text
TYPED = object()


class PortalForm(FlaskForm):
    """A form whose token is checked by the gate.

    `status` is 400 when the token was bad, else 422: `return render_template(…), form.status`.
    """

    class Meta(FlaskForm.Meta):
        csrf = False

    form_errors: list[str]

    def __init__(self, formdata: Any = TYPED, **values: Any) -> None:
        # Only what was typed: Flask-WTF also takes JSON bodies, and files in place of text.
        if formdata is TYPED:
            formdata = request.form if request.method == "POST" else None
        super().__init__(formdata=formdata, **values)

    def validate_on_submit(self, extra_validators: Any = None) -> bool:
        """Whether this is a POST with a good token and good fields."""
        if not self.is_submitted():
            return False
        fine = self.validate(extra_validators)
        if g.get("csrf_failed", False):
            self.form_errors = [
                *self.form_errors,
                _("This page was open for too long or in another window. Please send it again."),
            ]
            return False
        return fine

    def validate(self, extra_validators: Any = None) -> bool:
        """Check every field, and refuse characters no text may hold."""
        fine = super().validate(extra_validators)
        for field in self:
            if isinstance(field.data, str) and has_odd_characters(field.data):
                field.data = without_odd_characters(field.data)
                field.errors = [*field.errors, _("This contains a character that cannot be stored.")]
                field.raw_data = [field.data]
                fine = False
        return fine

    @property
    def status(self) -> int:
        """HTTP status of a refused form."""
        return 400 if g.get("csrf_failed", False) else 422

    def refuse(self, error: Any) -> None:
        """Put a service's `Invalid` next to its field, or on top of the form."""
        field = self._fields.get(error.field) if getattr(error, "field", None) else None
        if field is None:
            self.form_errors = [*self.form_errors, error.message]
        else:
            field.errors = [*field.errors, error.message]


def has_odd_characters(text: str) -> bool:
    """Whether a text holds NUL, another control character (but tab and line ends), a surrogate, or broken UTF-8."""
    if REPLACEMENT in text:
        return True
    return not text.isprintable() and any(_is_odd(letter) for letter in text)


def without_odd_characters(text: str) -> str:
    """A refused text as a page may show it again."""
    return "".join(letter for letter in text if not has_odd_characters(letter))


def _is_odd(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\t\r\n"


def has_line_break(text: str) -> bool:
    """Whether a one-line text holds more than one line."""
    return any(letter in text for letter in "\r\n\u2028\u2029\x0b\x0c\x85")


class LineField(StringField):
    """One line of text, trimmed at both ends; a line break is refused."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Keep what was typed, without the blanks around it."""
        if valuelist:
            self.data = valuelist[0].strip()

    def pre_validate(self, form: Any) -> None:
        """Refuse a second line."""
        if self.data and has_line_break(self.data):
            raise ValidationError(lazy_gettext("Please use one line."))


class WholeNumberField(IntegerField):
    """A whole number in plain digits: no underscores, no other scripts' digits, at most ±2³¹.

    data: int, or None where nothing was typed.
    """

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the digits; keep the raw text for the form."""
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text:
            return
        digits = text[1:] if text[0] in "+-" else text
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and abs(int(text)) < 2**31):
            raise ValueError(lazy_gettext("Please type a whole number in plain digits."))
        self.data = int(text)


class TickField(BooleanField):
    """A box; only `1`, `on`, `y`, `yes` and `true` tick it, absence does not."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the tick."""
        self.data = bool(valuelist) and valuelist[0].lower() in ("1", "on", "y", "yes", "true")


def typed(field: Field) -> str:
    """What to show in a field: what was typed, even where it is wrong."""
    return field.raw_data[0] if request.method == "POST" and field.raw_data else (field.data or "")
