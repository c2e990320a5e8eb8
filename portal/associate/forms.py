"""Forms of the association pages; they check shapes only."""

from __future__ import annotations

from typing import Protocol

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, PasswordField
from wtforms.validators import InputRequired, Length, Regexp

from portal.forms import LineField, PortalForm, TickField


class Asked(Protocol):
    """The terms a page shows."""

    @property
    def text(self) -> str: ...


class ConsentForm(PortalForm):
    """The terms box. terms: which terms the page showed, so that nobody accepts others than they could read."""

    accept_terms = TickField(_l("I accept the terms"))
    terms = HiddenField()

    def consents(self, asked: Asked | None) -> bool:
        """Whether the question is answered: nothing is asked, or these very terms are ticked. Adds the message."""
        if asked is None:
            return True
        if self.terms.data and self.terms.data != asked.text:
            self.accept_terms.data = False
            self._refuse(_("The terms changed while this page was open. Please read them and tick the box again."))
            return False
        if not self.accept_terms.data:
            self._refuse(_("Please accept the terms to go on."))
            return False
        return True

    def _refuse(self, message: str) -> None:
        self.accept_terms.errors = [*self.accept_terms.errors, message]


class JoinForm(ConsentForm):
    """One click of a signed-in user. claim: the link this page was opened with."""

    claim = HiddenField()


class SignUpForm(JoinForm):
    """A new account."""

    name = LineField(
        _l("Name"),
        [InputRequired(_l("Type your name.")), Length(max=100, message=_l("Please use at most 100 characters."))],
    )
    email = LineField(
        _l("E-mail address"),
        [InputRequired(_l("Type your e-mail address.")), Length(max=320, message=_l("This is too long."))],
    )
    password = PasswordField(_l("Password"), [InputRequired(_l("Type a password."))])
    accept_terms = TickField(_l("I accept the terms"))  # again, so that it stands last in the list of what is wrong


class CodeForm(PortalForm):
    """The six digits mailed to the recorded address."""

    code = LineField(
        _l("Code from the mail"),
        [
            InputRequired(_l("Type the code from the mail.")),
            Regexp(r"[0-9 ]{6,20}\Z", message=_l("The code has six digits.")),
        ],
    )


class OfferForm(ConsentForm):
    """Take one of the records that carry the user's address. customer: its number."""

    customer = HiddenField()


class LeaveForm(PortalForm):
    """Leave a customer. customer: its number."""

    customer = HiddenField()
