"""The buttons that open a step at Stripe: made once per language, since every license card prints them."""

from __future__ import annotations

from functools import lru_cache

from flask import render_template
from markupsafe import Markup

STEPS = ("change", "pay", "keep", "manage")
FLOWS = ("payment_method_update", "subscription_cancel", "subscription_update")


@lru_cache(maxsize=32)
def buttons(language: str) -> dict[str, Markup]:
    """Buttons by `Told.steps`, in the language of the running request, which `language` names."""
    return {
        steps: Markup(render_template("billing/_buttons.html", steps=steps).strip())  # noqa: S704 - a template's output
        for steps in STEPS
    }
