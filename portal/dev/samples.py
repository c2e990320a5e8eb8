"""Made-up content for the gallery: long names, empty lists, fields with errors."""

from __future__ import annotations

from types import SimpleNamespace

from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, EmailField, Form, IntegerField, PasswordField, RadioField, SelectField, StringField
from wtforms import TextAreaField as TextArea
from wtforms.validators import Email, InputRequired, Length, NumberRange

VENDOR = SimpleNamespace(
    id=1,
    domain="demo.example",
    name="Demo Software",
    logo_url="",
    website="https://demo.example",
    accent_color="",
    support_email="help@demo.example",
)
VISITOR = SimpleNamespace(name="Maria Muster", email="maria@customer.example")
ACCENTS = ("#2f5bd7", "#0f766e", "#ffd400", "#111111", "#ffffff", "#e11d48")


class SampleForm(Form):
    """One field of every kind."""

    name = StringField("Name", [InputRequired("Please type a name.")])
    email = EmailField("E-mail", [InputRequired(), Email("Please type an address like name@example.com.")])
    password = PasswordField("Password", [Length(min=8, message="Use at least 8 characters.")])
    seats = IntegerField("Machines", [NumberRange(1, 100, "Type a number from 1 to 100.")], default=3)
    role = SelectField("Role", choices={"owner": "Owner", "support": "Support", "viewer": "Viewer"})
    notes = TextArea("Notes", description="Only your own staff see them.")
    policy = RadioField("After a refund", choices={"block": "Block the license", "keep": "Keep it"}, default="block")
    accept_terms = BooleanField("I accept the terms", [InputRequired("Please accept the terms to go on.")])
    code = StringField("Code from the mail", [Length(6, 6, "The code has six digits.")])


def fresh_form() -> SampleForm:
    """The form as one first sees it; ids of their own, so that two may stand on one page."""
    return SampleForm(prefix="fresh-")


def wrong_form() -> SampleForm:
    """The form after it was sent with mistakes."""
    typed = {
        "email": "maria@",
        "password": "short",
        "seats": "many",
        "role": "support",
        "policy": "keep",
        "code": "12 34",
    }
    form = SampleForm(MultiDict({f"wrong-{name}": text for name, text in typed.items()}), prefix="wrong-")
    form.validate()
    return form
