"""Vendor switches: names, types and defaults of CONTRACT section 8."""

from __future__ import annotations

import json
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _

from portal.errors import Invalid


@dataclass(frozen=True)
class Switches:
    """What a vendor may choose. personal_link_days 0 means no expiry; embed_origins are exact origins."""

    second_step_for_customers: bool = True
    second_step_for_staff: bool = True
    confirm_association_by_code: bool = False
    personal_link_days: int = 0
    generic_sign_up: bool = True
    terms_grace_days: int = 0
    association_limit: int = 10
    release_allowance: int = 3
    grace_days: int = 3
    refund_policy: str = "block"
    dispute_policy: str = "suspend"
    time_zone: str = "UTC"
    language: str = "en"
    embed_origins: tuple[str, ...] = ()
    own_host: str = ""
    api_token_in_query: bool = True
    portal_login_link: str = ""
    support_email: str = ""


LIMITS = {
    "personal_link_days": (0, 3650),
    "terms_grace_days": (0, 365),
    "association_limit": (1, 1000),
    "release_allowance": (0, 1000),
    "grace_days": (0, 90),
}
CHOICES = {
    "refund_policy": ("block", "keep"),
    "dispute_policy": ("suspend", "keep"),
    "language": ("en",),
}
TRUE, FALSE = ("on", "true", "yes", "1"), ("off", "false", "no", "0", "")


def read(stored: Mapping[str, Any]) -> Switches:
    """The switches of a vendor row; unknown names are ignored, missing ones are the defaults."""
    known = {name: stored[name] for name in NAMES if name in stored}
    if "embed_origins" in known:
        known["embed_origins"] = tuple(known["embed_origins"])
    return Switches(**known)


@lru_cache(maxsize=1024)
def read_text(stored: str) -> Switches:
    """The same from a vendor's switches as JSON, once for each text met."""
    return read(json.loads(stored))


NAMES = tuple(field.name for field in fields(Switches))
DEFAULTS = Switches()


def parse(name: str, text: str) -> Any:
    """The value of a switch from what a person or a command typed. Raises Invalid with the field's name."""
    if name not in NAMES:
        raise Invalid(_("There is no switch named %(name)s.", name=name))
    text = text.strip()
    default = getattr(DEFAULTS, name)
    if isinstance(default, bool):
        return _boolean(name, text)
    if isinstance(default, int):
        return _number(name, text)
    if name in CHOICES and text not in CHOICES[name]:
        raise Invalid(_("Choose one of %(names)s.", names=", ".join(CHOICES[name])), field=name)
    return PARSERS[name](text) if name in PARSERS else text


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in TRUE + FALSE:
        raise Invalid(_("Choose on or off."), field=name)
    return text.lower() in TRUE


def _number(name: str, text: str) -> int:
    low, high = LIMITS[name]
    if text.lower() == "none":
        text = "0"
    if not (text.isascii() and text.isdigit() and len(text) < 6 and low <= int(text) <= high):
        raise Invalid(_("Type a whole number from %(low)s to %(high)s.", low=low, high=high), field=name)
    return int(text)


def _time_zone(text: str) -> str:
    if text not in zoneinfo.available_timezones():
        raise Invalid(_("This is not a time zone name such as Europe/Stockholm."), field="time_zone")
    return text


def _origins(text: str) -> list[str]:
    origins = [part.rstrip("/") for part in text.replace(",", " ").split()]
    if len(origins) > 20:
        raise Invalid(_("At most 20 origins."), field="embed_origins")
    for origin in origins:
        if not is_origin(origin):
            raise Invalid(
                _("%(text)s is not an origin such as https://www.example.com.", text=origin), field="embed_origins"
            )
    return list(dict.fromkeys(origins))


def is_origin(text: str) -> bool:
    """Whether a text is exactly https://host[:port] (http for localhost), fit for a header."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    plain = host.isascii() and all(letter.isalnum() or letter in ".-" for letter in host)
    rebuilt = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    local = parts.scheme == "http" and host in ("localhost", "127.0.0.1")
    return bool(host) and plain and (parts.scheme == "https" or local) and rebuilt == text.lower()


def _support_email(text: str) -> str:
    if not text:
        return ""
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Invalid(_("This is not an e-mail address."), field="support_email") from error


def _login_link(text: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    # Its origin stands in the content security policy, so it must be nothing but an origin.
    fit = is_origin(f"{parts.scheme}://{parts.netloc}") and text.isascii() and text.isprintable()
    if not fit or any(letter in text for letter in " \\\"'<>"):
        raise Invalid(_("Type the https address that Stripe shows as the login link."), field="portal_login_link")
    return text


def _own_host(text: str) -> str:
    if text and not (is_origin(f"https://{text.lower()}") and "." in text):
        raise Invalid(_("Type a host name such as licenses.example.com."), field="own_host")
    return text.lower()


PARSERS = {
    "time_zone": _time_zone,
    "embed_origins": _origins,
    "support_email": _support_email,
    "portal_login_link": _login_link,
    "own_host": _own_host,
}
