"""Addresses: absolute links from the configured origin, and `next` values that cannot leave this site."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlencode, urlsplit

from portal import crypto


class HasDomain(Protocol):
    """A vendor row or a vendor profile."""

    @property
    def domain(self) -> str: ...


def absolute(path: str) -> str:
    """A path of this site as an absolute link; never built from the request's Host header."""
    return crypto.settings().base_url + path


def portal_path(vendor: HasDomain, page: str = "", **query: object) -> str:
    """A path below a vendor's portal: `portal_path(vendor, "Associate", vid=2)`."""
    text = f"/Portal/@{vendor.domain}/{page}"
    return f"{text}?{urlencode(query)}" if query else text


def portal_link(vendor: HasDomain, page: str = "", **query: object) -> str:
    """The same as an absolute link, for mails and screens."""
    return absolute(portal_path(vendor, page, **query))


def safe_next(text: str | None) -> str | None:
    """A `next` value if it is a path of this site, else None.

    Browsers drop TAB, CR and LF from addresses and read a backslash as a slash, so those are refused first.
    """
    if not text or len(text) > 2000 or not text.isascii() or not text.isprintable() or "\\" in text:
        return None
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or not text.startswith("/") or text.startswith("//"):
        return None
    return text


def query(**values: object) -> str:
    """A query string without the leading question mark."""
    return urlencode(values)
