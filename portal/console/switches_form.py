"""The vendor switches as one form: a field per switch, in groups, each with a sentence on what it does."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import Field, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice

from portal.forms import LineField, PortalForm, TickField
from portal.vendors.switches import CHOICES, DEFAULTS, LIMITS, NAMES, Switches

CHOICE_NAMES = {
    "block": _l("Block the license"),
    "suspend": _l("Suspend the license until it is settled"),
    "keep": _l("Leave the license as it is"),
    "en": "English",
}
# name → (label, what it does)
WORDS: dict[str, tuple[Any, Any]] = {
    "generic_sign_up": (_l("Generic sign-up"), _l("Whoever has the generic link can make an account.")),
    "association_limit": (
        _l("Accounts per customer"),
        _l("At most, where the customer allows multiple user association."),
    ),
    "personal_link_days": (_l("Personal links expire after days"), _l("0: they do not expire.")),
    "confirm_association_by_code": (
        _l("Confirm by code"),
        _l("Connecting an account also takes a code mailed to the customer's recorded address."),
    ),
    "terms_grace_days": (
        _l("Days to accept new terms"),
        _l("How long customers may go on before changed terms must be accepted. 0: at once."),
    ),
    "second_step_for_customers": (
        _l("Second step for customers"),
        _l("From an unknown browser, a password alone is not enough; a code is mailed."),
    ),
    "second_step_for_staff": (_l("Second step for staff"), _l("The same for everybody on this console.")),
    "release_allowance": (
        _l("Machine releases in 30 days"),
        _l("How many machines a customer may release by themselves."),
    ),
    "grace_days": (_l("Grace days"), _l("How many days a key works on after the paid period has ended.")),
    "refund_policy": (_l("After a refund"), _l("What happens to the license.")),
    "dispute_policy": (_l("During a dispute"), _l("What happens to the license.")),
    "portal_login_link": (_l("Portal login link"), _l("Stripe's own login page, for use without an API key.")),
    "time_zone": (_l("Time zone"), _l("A name such as Europe/Stockholm; dates are shown in it.")),
    "language": (_l("Language"), _l("Of mails, and of pages where the visitor has not chosen.")),
    "support_email": (_l("Support address"), _l("Shown to customers who need help.")),
    "embed_origins": (
        _l("Origins that may embed the portal"),
        _l("One on each line, such as https://www.example.com. Nobody else can show it in a frame."),
    ),
    "own_host": (_l("Own host"), _l("A host name of yours for customer pages, such as licenses.example.com.")),
    "api_token_in_query": (
        _l("Accept access tokens in the address"),
        _l("Older applications send them there. Switch it off once yours do not."),
    ),
}
GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        _l("Sign-up and association"),
        (
            "generic_sign_up",
            "association_limit",
            "personal_link_days",
            "confirm_association_by_code",
            "terms_grace_days",
        ),
    ),
    (_l("Signing in"), ("second_step_for_customers", "second_step_for_staff")),
    (
        _l("Licenses and payments"),
        ("release_allowance", "grace_days", "refund_policy", "dispute_policy", "portal_login_link"),
    ),
    (_l("Language and contact"), ("time_zone", "language", "support_email")),
    (_l("Your website and applications"), ("embed_origins", "own_host", "api_token_in_query")),
)


NUMBERS = tuple(LIMITS)  # their fields are short
LATER = ("release_allowance", "own_host", "api_token_in_query")


class SwitchesForm(PortalForm):
    """One field per switch, added below; values are checked by `vendors.switches`."""

    def texts(self) -> dict[str, str]:
        """What was typed, as `vendors.set_switch` takes it."""
        return {name: _text(self[name]) for name in NAMES}


def _field(name: str) -> Field:
    label, hint = WORDS[name]
    if name in LATER:
        hint = _l("%(hint)s Takes effect with a later version.", hint=hint)
    default = getattr(DEFAULTS, name)
    if isinstance(default, bool):
        return TickField(label, description=hint)
    if name in CHOICES:
        choices = [SelectChoice(value, CHOICE_NAMES[value]) for value in CHOICES[name]]
        return SelectField(label, description=hint, choices=choices)
    if name == "embed_origins":
        return TextAreaField(label, description=hint)
    return LineField(label, description=hint)


for _name in NAMES:
    setattr(SwitchesForm, _name, _field(_name))


def of(values: Switches) -> SwitchesForm:
    """The form filled with a vendor's switches."""
    shown = {name: _shown(value) for name, value in asdict(values).items()}
    return SwitchesForm(formdata=None, data=shown)


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    return "\n".join(value) if isinstance(value, list | tuple) else str(value)


def _text(field: Field) -> str:
    if isinstance(field, TickField):
        return "on" if field.data else "off"
    return str(field.data or "")
