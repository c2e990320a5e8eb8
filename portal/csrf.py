"""Form tokens: HMAC-SHA-256 over the visitor's session, masked anew in every answer (Flask-WTF's own uses SHA-1)."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from functools import lru_cache
from urllib.parse import urlsplit

from flask import Request, g
from markupsafe import Markup

from portal import cookies, crypto
from portal.current import current_g

FIELD = "csrf_token"
_WIDTH = 16  # bytes: 128 bits are plenty, and a page carries one token per form


def token() -> str:
    """This visitor's token, spelled anew in every answer; all forms of a page share the spelling."""
    here = current_g()
    if "csrf_token" not in here:
        secret = _secrets()[0]
        pad = secrets.token_bytes(_WIDTH)
        here.csrf_token = base64.urlsafe_b64encode(pad + _xor(pad, secret)).decode()
    return str(here.csrf_token)


def token_input() -> Markup:
    """The hidden field every POST form carries."""
    # A token is base64, so there is nothing to escape.
    return Markup(f'<input type="hidden" name="{FIELD}" value="{token()}">')  # noqa: S704


def form_fields() -> Markup:
    """What every POST form carries: the token, and on staff pages the vendor it was made for."""
    fields, here = token_input(), current_g()
    if here.get("staff_role") and here.get("vendor"):
        fields += Markup('<input type="hidden" name="vendor" value="{}">').format(here.vendor.id)
    return fields


def is_valid(request: Request) -> bool:
    """Whether a POST comes from one of our own pages: token, and no foreign origin."""
    return _same_origin(request) and _token_matches(request.form.get(FIELD, ""))


def _token_matches(text: str) -> bool:
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return False
    if len(raw) != 2 * _WIDTH:
        return False
    given = _xor(raw[:_WIDTH], raw[_WIDTH:])
    return any([hmac.compare_digest(given, secret) for secret in _secrets()])


def _same_origin(request: Request) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("Origin")
    return origin in (None, "null") or urlsplit(origin).netloc == request.host


def _secrets() -> list[bytes]:
    subject = current_g().get("session_digest") or _anonymous_subject()
    return _secrets_of(subject, crypto.settings().secret_keys)


@lru_cache(maxsize=4096)
def _secrets_of(subject: str, keys: tuple[str, ...]) -> list[bytes]:
    """What a browser's tokens hide, under each of the running app's secret keys; the same on all its pages."""
    return [bytes.fromhex(digest)[:_WIDTH] for digest in crypto.keyed_digests(subject, "csrf")]


def _anonymous_subject() -> str:
    """This browser's own random value, in a cookie of its own: cheaper than Flask's signed session."""
    subject = str(g.get("form_subject") or cookies.read(cookies.FORM))
    if len(subject) < 20:
        subject = secrets.token_urlsafe(16)
        cookies.put(cookies.FORM, subject)
    g.form_subject = subject
    return subject


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(_WIDTH)
