"""The parameters of `CreateKey`, as plans carry them in a price's `skm` metadata."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _

from portal.errors import Invalid
from portal.licenses.models import FEATURES

LONGEST = 500  # Stripe's limit for a metadata value, and the limit of Notes
MOST_DAYS = 36500
MOST_MACHINES = 2**31 - 1
TRUE, FALSE = ("true", "1"), ("false", "0", "")
KEYS, MACHINES = "keys", "machines"


@dataclass(frozen=True)
class CreateKey:
    """What a key made from a plan is like.

    product_id: None where the product's `skm_product_id` decides. period: days; 0 is perpetual. quantity: `keys` makes
    one key per unit, `machines` one key with as many machines as units.
    """

    product_id: int | None = None
    period: int = 0
    features: dict[str, bool] = field(default_factory=dict)
    notes: str = ""
    block: bool = False
    trial_activation: bool = False
    max_no_of_machines: int = 0
    allowed_machines: str = ""
    quantity: str = KEYS


def parse(text: str) -> CreateKey:
    """Read `skm`. Names are read in any case, numbers and truth values also as text. Raises Invalid, saying what is
    wrong with which parameter.
    """
    given = _object(text)
    features = {name: _truth(name.upper(), given.pop(name)) for name in FEATURES if name in given}
    key = CreateKey(
        product_id=_number("ProductId", given.pop("productid", None), 1, MOST_MACHINES),
        period=_number("Period", given.pop("period", None), 0, MOST_DAYS) or 0,
        features=features,
        notes=_text("Notes", given.pop("notes", None)),
        block=_truth("Block", given.pop("block", None)),
        trial_activation=_truth("TrialActivation", given.pop("trialactivation", None)),
        max_no_of_machines=_number("MaxNoOfMachines", given.pop("maxnoofmachines", None), -1, MOST_MACHINES) or 0,
        allowed_machines=_text("AllowedMachines", given.pop("allowedmachines", None)),
        quantity=_quantity(given.pop("quantity", None)),
    )
    if given:
        raise Invalid(_("CreateKey has no parameter %(name)s.", name=", ".join(sorted(given))), field="skm")
    return key


def write(key: CreateKey) -> str:
    """The shortest `skm` that `parse` reads as this key."""
    given: dict[str, Any] = {"ProductId": key.product_id, "Period": key.period, "Notes": key.notes, "Block": key.block}
    given |= {name.upper(): value for name, value in key.features.items()}
    given |= {
        "TrialActivation": key.trial_activation,
        "MaxNoOfMachines": key.max_no_of_machines,
        "AllowedMachines": key.allowed_machines,
        "quantity": key.quantity if key.quantity != KEYS else "",
    }
    return json.dumps({name: value for name, value in given.items() if value}, ensure_ascii=False)


def _object(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(_("This is not JSON."), field="skm") from error
    if not isinstance(found, dict):
        raise Invalid(_('This is not a JSON object such as {"F1": true}.'), field="skm")
    return {name.lower(): value for name, value in found.items()}


def _number(name: str, value: Any, least: int, most: int) -> int | None:
    if isinstance(value, str):
        digits = value.strip()
        value = int(digits) if digits.isascii() and digits.lstrip("-").isdigit() and len(digits) < 12 else value
    if value in (None, ""):
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(
            _("%(name)s must be a whole number from %(least)s to %(most)s.", name=name, least=least, most=most),
            field="skm",
        )
    return value


def _truth(name: str, value: Any) -> bool:
    text = "" if value is None else str(value).strip().lower()
    if isinstance(value, dict | list | float) or text not in TRUE + FALSE:
        raise Invalid(_("%(name)s must be true or false.", name=name), field="skm")
    return text in TRUE


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
        raise Invalid(
            _("%(name)s must be a text of at most %(most)s characters.", name=name, most=LONGEST), field="skm"
        )
    return value


def _quantity(value: Any) -> str:
    if value in (None, ""):
        return KEYS
    if value not in (KEYS, MACHINES):
        raise Invalid(_("quantity must be “keys” or “machines”."), field="skm")
    return str(value)
