"""Forms of the Stripe doctor: a product with its price, the keys a price makes, and the customer portal."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, RadioField, SelectField, SelectMultipleField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, NumberRange, Optional

from portal.billing.gateway.catalog import NewProduct
from portal.console.forms import FeatureTicks, at_most
from portal.forms import LineField, PortalForm, TickField, WholeNumberField
from portal.licenses import create_key
from portal.licenses.create_key import KEYS, MACHINES, MOST_DAYS, MOST_MACHINES, CreateKey
from portal.stripe_doctor import catalog_rules as rules
from portal.stripe_doctor.portal_settings import FEATURES, LONGEST_HEADLINE, LONGEST_URL, Settings

OFFER = "offer_"


def _between(least: int, most: int) -> NumberRange:
    return NumberRange(least, most, message=_l("Type a whole number from %(min)s to %(max)s."))


class PlanForm(FeatureTicks):
    """How the keys of a price are made; the fields are those of CreateKey."""

    period = WholeNumberField(
        _l("Period in days"),
        [Optional(), _between(0, MOST_DAYS)],
        description=_l("Of keys that are paid once; 0 never ends. A subscription's paid period counts instead."),
    )
    max_no_of_machines = WholeNumberField(
        _l("Machines"), [Optional(), _between(0, MOST_MACHINES)], description=_l("Per key; 0 is no limit.")
    )
    quantity = SelectField(
        _l("Quantity buys"),
        choices=[SelectChoice(KEYS, _l("one key each")), SelectChoice(MACHINES, _l("machines of one key"))],
    )
    trial_activation = TickField(_l("Trial activation"))
    notes = LineField(_l("Notes on each key"), [at_most(create_key.LONGEST)], description=_l("Only staff see them."))
    trial_days = WholeNumberField(
        _l("Free days"),
        [Optional(), _between(0, 730)],
        description=_l("Days a subscription is free before the first payment."),
    )
    is_bare = TickField(_l("Yes: its keys never end, have no features and no limit of machines."))

    def check_bare(self, *, is_once: bool) -> bool:
        """Whether what is paid once says anything about its keys, or was confirmed to say nothing."""
        says = self.period.data or self.max_no_of_machines.data or self.trial_activation.data
        if not is_once or says or self.quantity.data == MACHINES or any(self.features().values()):
            return True
        if not self.is_bare.data:
            self.is_bare.errors = [_("Everything above is empty. Fill something in, or confirm what that means.")]
        return bool(self.is_bare.data)

    def plan(self, before: CreateKey | None = None, products: tuple[int, ...] = ()) -> CreateKey:
        """What was typed; what the form does not show stays as it was before, unknown products aside."""
        old = before or CreateKey()
        return CreateKey(
            product_id=old.product_id if old.product_id in products else None,
            period=self.period.data or 0,
            features={name: True for name, ticked in self.features().items() if ticked},
            notes=self.notes.data or "",
            block=old.block,
            trial_activation=bool(self.trial_activation.data),
            max_no_of_machines=self.max_no_of_machines.data or 0,
            allowed_machines=old.allowed_machines,
            quantity=self.quantity.data,
        )


class ProductForm(PlanForm):
    """A product at Stripe with its first price."""

    token = HiddenField()
    name = LineField(_l("Name"), [InputRequired(_l("Type a name.")), at_most(rules.LONGEST_NAME)])
    product_id = SelectField(_l("Your product"), coerce=int, description=_l("Whose licenses it sells."))
    description = TextAreaField(_l("Description"), [at_most(rules.LONGEST_DESCRIPTION)])
    image_url = LineField(
        _l("Picture"),
        [at_most(rules.LONGEST_URL)],
        description=_l(
            "An https address that ends in .jpg, .jpeg or .png, under 2 MB. Stripe fetches it, we never do."
        ),
    )
    tax_code = LineField(
        _l("Tax code"), [at_most(40)], description=_l("For example txcd_10103001: software for business use.")
    )
    statement_descriptor = LineField(
        _l("Statement descriptor"),
        [at_most(rules.LONGEST_DESCRIPTOR)],
        description=_l("On card statements of subscriptions; at most 22 letters, no quotation marks or brackets."),
    )
    unit_label = LineField(
        _l("Unit label"), [at_most(rules.LONGEST_UNIT)], description=_l("Such as seat; at most 12 letters.")
    )
    amount = LineField(_l("Price"), [InputRequired(_l("Type an amount.")), at_most(20)])
    currency = LineField(_l("Currency"), [InputRequired(_l("Type three letters.")), at_most(3)], default="USD")
    interval = SelectField(
        _l("Paid"),
        choices=[
            SelectChoice("month", _l("every month")),
            SelectChoice("year", _l("every year")),
            SelectChoice("week", _l("every week")),
            SelectChoice("day", _l("every day")),
            SelectChoice("", _l("once")),
        ],
    )
    interval_count = WholeNumberField(
        _l("Every so many"), [Optional(), _between(1, 1095)], description=_l("3 with “every month” is a quarter.")
    )
    tax_behavior = SelectField(
        _l("Tax"),
        choices=[
            SelectChoice("unspecified", _l("not specified")),
            SelectChoice("exclusive", _l("is added to the price")),
            SelectChoice("inclusive", _l("is in the price")),
        ],
    )

    def product(self) -> NewProduct:
        """What was typed, without what ties it to us. Raises Invalid."""
        currency = (self.currency.data or "").lower()
        return NewProduct(
            id="",
            name=self.name.data or "",
            amount_minor=rules.minor_units(self.amount.data or "", currency),
            currency=currency,
            description=(self.description.data or "").strip(),
            image_url=self.image_url.data or "",
            tax_code=self.tax_code.data or "",
            statement_descriptor=self.statement_descriptor.data or "",
            unit_label=self.unit_label.data or "",
            interval=self.interval.data,
            interval_count=self.interval_count.data or 1,
            tax_behavior=self.tax_behavior.data,
        )


class PortalSettingsForm(PortalForm):
    """What customers may do in Stripe's customer portal; a tick for each of FEATURES.

    Each product is a tick of its own, named after OFFER: no field is sent twice.
    """

    payment_method_update = TickField(_l("Customers may change their payment method"))
    invoice_history = TickField(_l("Customers may see their invoices"))
    customer_update = TickField(_l("Customers may change their name, address, phone and tax id"))
    subscription_cancel = TickField(_l("Customers may cancel subscriptions"))
    cancel_mode = RadioField(
        _l("A canceled subscription ends"),
        choices=[
            ("at_period_end", _l("when the paid period is over")),
            ("immediately", _l("at once")),
        ],
        default="at_period_end",
    )
    subscription_update = TickField(_l("Customers may change plans"))
    products = SelectMultipleField(
        _l("Products they may switch to"),
        description=_l("At most ten. Of prices with the same rhythm, Stripe offers one per product."),
    )
    headline = LineField(_l("Headline"), [at_most(LONGEST_HEADLINE)])
    privacy_policy_url = LineField(_l("Privacy policy"), [at_most(LONGEST_URL)])
    terms_of_service_url = LineField(_l("Terms of service"), [at_most(LONGEST_URL)])
    login_page = TickField(
        _l("Login page"),
        description=_l("An address anyone may share: Stripe mails a passcode to the customer's recorded address."),
    )

    def offer(self, choices: list[tuple[str, str]], ticked: Container[str] | None) -> PortalSettingsForm:
        """Take the products to choose from, as id and name, and the names of the ticks that were sent."""
        self.products.choices = choices  # type: ignore[assignment]
        if ticked is not None:
            self.products.data = [product_id for product_id, _name in choices if OFFER + product_id in ticked]
        return self

    def settings(self) -> Settings:
        """What was chosen."""
        return Settings(
            features=frozenset(name for name in FEATURES if self[name].data),
            cancel_mode=self.cancel_mode.data or "",
            products=tuple(self.products.data or ()),
            headline=self.headline.data or "",
            privacy_policy_url=self.privacy_policy_url.data or "",
            terms_of_service_url=self.terms_of_service_url.data or "",
            login_page=bool(self.login_page.data),
        )


def fields_of(plan: CreateKey, trial_days: int) -> dict[str, Any]:
    """A plan as `PlanForm` shows it."""
    return {
        **plan.features,
        "period": plan.period or None,
        "max_no_of_machines": plan.max_no_of_machines or None,
        "quantity": plan.quantity,
        "trial_activation": plan.trial_activation,
        "notes": plan.notes,
        "trial_days": trial_days or None,
    }


def fields_of_settings(now: Settings) -> dict[str, Any]:
    """Settings as `PortalSettingsForm` shows them."""
    return {
        **{name: name in now.features for name in FEATURES},
        "cancel_mode": now.cancel_mode,
        "products": list(now.products),
        "headline": now.headline,
        "privacy_policy_url": now.privacy_policy_url,
        "terms_of_service_url": now.terms_of_service_url,
        "login_page": now.login_page,
    }
