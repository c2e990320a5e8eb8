"""Forms of the staff pages; they check shapes only."""

from __future__ import annotations

from typing import Any

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from wtforms import PasswordField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional, Regexp

from portal.access import ROLES
from portal.billing.service import SIGNING_SECRET
from portal.forms import LineField, PortalForm, TickField, WholeNumberField
from portal.licenses.models import FEATURES, NORMAL, TIME_LIMITED, TRIAL

ROLE_NAMES = {"owner": _l("Owner"), "admin": _l("Admin"), "support": _l("Support"), "viewer": _l("Viewer")}


def at_most(limit: int) -> Length:
    """Refuse a longer text with the number in words."""
    return Length(max=limit, message=_l("Please use at most %(max)d characters."))


class CustomerForm(PortalForm):
    """A customer's own fields."""

    name = LineField(_l("Name"), [InputRequired(_l("Type a name.")), at_most(100)])
    email = LineField(_l("E-mail address"), [at_most(320)])
    company_name = LineField(_l("Company"), [at_most(100)])
    notes = TextAreaField(_l("Notes"), [at_most(1000)], description=_l("Only staff see them."))
    enable_customer_association = TickField(
        _l("Enable customer association"),
        description=_l("Makes a personal link with which the customer connects an account."),
    )
    allow_activation_management = TickField(
        _l("Allow activation management"), description=_l("The customer may release machines.")
    )
    allow_multiple_user_association = TickField(
        _l("Allow multiple user association"), description=_l("Several accounts may use the personal link.")
    )


class ProductForm(PortalForm):
    """A product, and what its features F1 to F8 are called and mean. Fields f1_name, f1_type … are added below."""

    name = LineField(_l("Name"), [InputRequired(_l("Type a name.")), at_most(100)])
    description = TextAreaField(_l("Description"), [at_most(5000)])
    all_licenses_time_limited = TickField(
        _l("All licenses are time-limited"), description=_l("Without it, a license without a period never ends.")
    )
    block_expired_licenses = TickField(
        _l("Block expired licenses"), description=_l("Applications refuse a key from the moment it expires.")
    )

    def definitions(self) -> dict[str, dict[str, Any]]:
        """Feature definitions as `Product` stores them; unnamed normal features are left out."""
        typed = {name: (self[f"{name}_name"].data or "", int(self[f"{name}_type"].data)) for name in FEATURES}
        return {name: {"name": label, "type": kind} for name, (label, kind) in typed.items() if label or kind}


FEATURE_TYPES = [
    SelectChoice(NORMAL, _l("Normal")),
    SelectChoice(TIME_LIMITED, _l("Time-limited")),
    SelectChoice(TRIAL, _l("Trial")),
]
for _name in FEATURES:
    _letter = _name.upper()
    setattr(ProductForm, f"{_name}_name", LineField(_l("Name of %(feature)s", feature=_letter), [at_most(100)]))
    setattr(
        ProductForm,
        f"{_name}_type",
        SelectField(_l("Type of %(feature)s", feature=_letter), choices=FEATURE_TYPES, default=NORMAL, coerce=int),
    )


class FeatureTicks(PortalForm):
    """The eight feature boxes, added below."""

    def features(self) -> dict[str, bool]:
        """Feature → ticked."""
        return {name: bool(self[name].data) for name in FEATURES}


for _name in FEATURES:
    setattr(FeatureTicks, _name, TickField(_name.upper()))


class LicenseForm(FeatureTicks):
    """A new license."""

    customer_id = WholeNumberField(_l("Customer id"), [Optional()], description=_l("Leave empty to assign it later."))
    period = WholeNumberField(_l("Period in days"), [Optional()], description=_l("0 is perpetual."))
    max_no_of_machines = WholeNumberField(_l("Machines"), [Optional()], description=_l("0 is no limit."))
    notes = TextAreaField(_l("Notes"), [at_most(10_000)])
    trial_activation = TickField(_l("Trial activation"))


class LicenseEditForm(FeatureTicks):
    """What staff change on a license that exists."""

    max_no_of_machines = WholeNumberField(
        _l("Machines"),
        [InputRequired(_l("Type a number of machines; 0 is no limit."))],
        description=_l("0 is no limit."),
    )
    notes = TextAreaField(_l("Notes"), [at_most(10_000)])


class AssignForm(PortalForm):
    """The customer of a license; empty for none."""

    customer_id = WholeNumberField(
        _l("Customer id"), [Optional()], description=_l("Leave empty to take the license back from its customer.")
    )


class ExtendForm(PortalForm):
    """How many days more."""

    days = WholeNumberField(_l("Days"), [InputRequired(_l("Type a number of days."))])


class DataObjectForm(PortalForm):
    """A data object."""

    name = LineField(_l("Name"), [InputRequired(_l("Type a name.")), at_most(100)])
    string_value = TextAreaField(_l("String value"), [at_most(10_000)])
    int_value = WholeNumberField(_l("Int value"), [Optional()])


class CompanyForm(PortalForm):
    """What customers see of the vendor."""

    name = LineField(_l("Company name"), [InputRequired(_l("Type a name.")), at_most(100)])
    description = TextAreaField(
        _l("Description"), [at_most(2000)], description=_l("Shown on your portal's front page.")
    )
    website = LineField(_l("Website"), [at_most(500)])
    logo_url = LineField(
        _l("Address of your logo"),
        [at_most(500)],
        description=_l("An https address of a picture; it is shown 40 pixels high."),
    )
    accent_color = LineField(
        _l("Accent color"),
        [Regexp(r"#[0-9a-fA-F]{6}\Z", message=_l("Type a color such as #2f5bd7."))],
        description=_l("Buttons and links. It is adjusted where it would be hard to read."),
    )


def _signing_secret(label: LazyString, description: LazyString) -> PasswordField:
    """A signing secret of a webhook endpoint; may stay empty."""
    wrong = _l("Type a signing secret: whsec_ and what follows it in Stripe's dashboard, without blanks.")
    checks = [Optional(), Regexp(SIGNING_SECRET, message=wrong)]
    return PasswordField(label, checks, filters=[lambda text: (text or "").strip()], description=description)


class StripeForm(PortalForm):
    """Stripe settings; secrets are written, never shown."""

    api_key = PasswordField(_l("API key"), [at_most(300)], description=_l("Leave empty to keep the stored one."))
    webhook_secret = _signing_secret(
        _l("Signing secret"),
        _l("Of the webhook endpoint, if you registered it by hand. Leave empty to keep the stored one."),
    )
    webhook_secret_2 = _signing_secret(
        _l("Second signing secret"),
        _l("While Stripe rolls a secret, both are good. Leave empty to keep the stored one."),
    )
    forget_webhook_secrets = TickField(
        _l("Forget the stored signing secrets"),
        description=_l("Events are refused until another secret is stored; what you type above is stored."),
    )
    portal_login_url = LineField(
        _l("Portal login link"),
        [at_most(500)],
        description=_l("From Stripe's customer portal settings; used where no API key is set."),
    )


class InviteForm(PortalForm):
    """Whom to invite, as what."""

    email = LineField(_l("E-mail address"), [InputRequired(_l("Type an e-mail address.")), at_most(320)])
    role = SelectField(_l("Role"), choices=[SelectChoice(role, ROLE_NAMES[role]) for role in ROLES], default="support")


class RoleForm(PortalForm):
    """A staff member's new role."""

    role = SelectField(_l("Role"), choices=[SelectChoice(role, ROLE_NAMES[role]) for role in ROLES[::-1]])


class JoinForm(PortalForm):
    """An account for an invited person who has none."""

    name = LineField(_l("Your name"), [InputRequired(_l("Type your name.")), at_most(100)])
    password = PasswordField(_l("Password"), [InputRequired(_l("Type a password."))])
