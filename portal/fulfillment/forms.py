"""The form of the claim page; it checks shapes only."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, RadioField

from portal.forms import PortalForm

NEW = "new"


class ClaimForm(PortalForm):
    """Where the license should go. auth: the link this page was opened with. The view fills in the choices."""

    auth = HiddenField()
    customer = RadioField(_l("Where should the license go?"), choices=[], default=NEW)
