"""Data objects whose name has a meaning for the portal, and what their values must be."""

from __future__ import annotations

from urllib.parse import urlsplit

TERMS_URL = "cryptolens_customtosurl"
MAX_URL = 2000
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def is_safe_terms_url(text: str) -> bool:
    """Whether a text may be shown to customers as the link to a vendor's terms.

    Absolute https, or http on this machine; plain visible ASCII of at most 2,000 characters, no user name or password.
    Backslashes and blanks are refused because browsers read them as something else than we do.
    """
    if not text or len(text) > MAX_URL or not text.isascii() or not text.isprintable():
        return False
    if any(letter in text for letter in ' \\"<>^`{|}'):
        return False
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or port == 0 or "@" in parts.netloc or parts.netloc.endswith(":"):
        return False
    if "://" not in text[:8]:
        return False
    return _is_host(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOCAL_HOSTS))


def _is_host(host: str) -> bool:
    if ":" in host:
        return all(letter in "0123456789abcdef:." for letter in host)
    labels = host.removesuffix(".").split(".")
    return all(label and all(letter.isalnum() or letter in "-_" for letter in label) for label in labels)
