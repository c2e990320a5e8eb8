"""The form of the terms page."""

from __future__ import annotations

from wtforms import HiddenField

from portal.associate.forms import ConsentForm


class TermsForm(ConsentForm):
    """Accept the terms. next: the page that was asked for."""

    next = HiddenField()
