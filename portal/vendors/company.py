"""What customers see of a vendor: name, words, website, logo, color."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from flask_babel import gettext as _

from portal.audit import service as audit
from portal.errors import Invalid
from portal.vendors.models import Vendor

FIELDS = ("name", "description", "website", "logo_url", "accent_color")
LIMITS = {"name": 100, "description": 2000, "website": 500, "logo_url": 500}
COLOR = re.compile(r"#[0-9a-f]{6}\Z")


def edit(
    vendor: Vendor, *, name: str, description: str = "", website: str = "", logo_url: str = "", accent_color: str
) -> bool:
    """Change the vendor's profile; returns whether anything changed. Raises Invalid with the field's name.

    An address that is stored already may stay as it is: the demo's logo is a path of this site.
    """
    typed = {"name": name.strip(), "description": description.strip(), "website": website, "logo_url": logo_url}
    if not typed["name"]:
        raise Invalid(_("Type a name."), field="name")
    for field, limit in LIMITS.items():
        if len(typed[field]) > limit:
            raise Invalid(_("Please use at most %(limit)s characters.", limit=limit), field=field)
    if website not in ("", vendor.website) and not is_web_address(website, ("https", "http")):
        raise Invalid(_("Type the full address, such as https://www.example.com."), field="website")
    if logo_url not in ("", vendor.logo_url) and not is_web_address(logo_url, ("https",)):
        raise Invalid(_("Type the full https address of the picture."), field="logo_url")
    if not COLOR.match(accent_color.lower()):
        raise Invalid(_("Type a color such as #2f5bd7."), field="accent_color")
    typed["accent_color"] = accent_color.lower()
    before = _facts(vendor)
    for field, value in typed.items():
        setattr(vendor, field, value)
    if before == _facts(vendor):
        return False
    audit.record(vendor.id, "vendor.edit", f"vendor:{vendor.id}", before=before, after=_facts(vendor))
    return True


def is_web_address(text: str, schemes: tuple[str, ...]) -> bool:
    """Whether a text is an absolute address that may become a link or picture: plain ASCII, a host, no credentials."""
    if not text.isascii() or not text.isprintable() or any(letter in text for letter in " \\\"'<>"):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def _facts(vendor: Vendor) -> dict[str, Any]:
    return {field: getattr(vendor, field) for field in FIELDS}
