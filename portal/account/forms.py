"""Forms of the account pages; they check shapes only."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import PasswordField, SelectField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp

from portal.account.passwords import LONGEST
from portal.forms import LineField, PortalForm, TickField

TYPE_EMAIL = _l("Type your e-mail address.")
TYPE_PASSWORD = _l("Type your password.")
TOO_LONG = _l("This is too long.")


class Code(LineField):
    """Six digits; blanks between them are dropped."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Keep the digits together."""
        super().process_formdata(valuelist)
        self.data = "".join((self.data or "").split())[:20]


SIX_DIGITS = Regexp(r"[0-9]{6}\Z", message=_l("The code has six digits."))


class SignInForm(PortalForm):
    """Address and password; the password is not needed to have a code mailed."""

    email = LineField(_l("E-mail address"), [DataRequired(TYPE_EMAIL), Length(max=320, message=TOO_LONG)])
    password = PasswordField(_l("Password"), [InputRequired(TYPE_PASSWORD), Length(max=LONGEST, message=TOO_LONG)])
    remember = TickField(_l("Keep me signed in for 30 days"))


class EmailForm(PortalForm):
    """An address to mail something to."""

    email = LineField(_l("E-mail address"), [DataRequired(TYPE_EMAIL), Length(max=320, message=TOO_LONG)])


class CodeForm(PortalForm):
    """The six digits from a mail."""

    code = Code(_l("Code from the mail"), [DataRequired(_l("Type the code from the mail.")), SIX_DIGITS])


class NewPasswordForm(PortalForm):
    """A new password, and the code where the mailed link is not enough."""

    code = Code(_l("Code from the mail"), [Optional(), SIX_DIGITS])
    password = PasswordField(_l("New password"), [InputRequired(_l("Type a new password."))])


class ChangePasswordForm(PortalForm):
    """The current password, and the one to come."""

    current_password = PasswordField(
        _l("Current password"), [InputRequired(TYPE_PASSWORD), Length(max=LONGEST, message=TOO_LONG)]
    )
    password = PasswordField(_l("New password"), [InputRequired(_l("Type a new password."))])


class ProfileForm(PortalForm):
    """What an account shows of its person."""

    name = LineField(_l("Name"), [DataRequired(_l("Type your name.")), Length(max=100, message=TOO_LONG)])


class LanguageProfileForm(ProfileForm):
    """The same where the portal speaks more than one language."""

    language = SelectField(_l("Language"))
