"""Secrets at rest: AES-256-GCM with key ids, keyed digests, random tokens, masked tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

from portal.config import Settings


class SealBroken(Exception):
    """A stored secret cannot be opened: wrong key, wrong place or altered."""


def settings() -> Settings:
    """The settings of the running app."""
    return current_app.extensions["settings"]


@lru_cache(maxsize=16)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


@lru_cache(maxsize=16)
def key_id(key: bytes) -> str:
    """Eight letters that name an encryption key without giving it away."""
    return hashlib.sha256(b"latchkey key id" + key).hexdigest()[:8]


def seal(plaintext: str, context: str) -> str:
    """Encrypt a secret for the database.

    context: where it belongs, such as `stripe_account:2:api_key`; authenticated, so that a copy elsewhere stays shut.
    Returns `v1:<key id>:<base64 of nonce and ciphertext>`.
    """
    key = settings().encryption_keys[0]
    nonce = secrets.token_bytes(12)
    sealed = _cipher(key).encrypt(nonce, plaintext.encode(), context.encode())
    return f"v1:{key_id(key)}:{base64.b64encode(nonce + sealed).decode()}"


def open_sealed(sealed: str, context: str) -> str:
    """The secret behind `seal`. Raises SealBroken."""
    try:
        version, wanted, body = sealed.split(":")
        raw = base64.b64decode(body, validate=True)
    except ValueError as error:
        raise SealBroken("This is not a sealed secret.") from error
    for key in settings().encryption_keys:
        if version == "v1" and key_id(key) == wanted:
            try:
                return _cipher(key).decrypt(raw[:12], raw[12:], context.encode()).decode()
            except InvalidTag as error:
                raise SealBroken("A sealed secret was altered or moved.") from error
    raise SealBroken(f"The encryption key {wanted} is not among LATCHKEY_ENCRYPTION_KEY.")


def new_token() -> str:
    """256 random bits, safe in a URL or cookie."""
    return secrets.token_urlsafe(32)


def new_code() -> str:
    """Six random digits, as text."""
    return f"{secrets.randbelow(1_000_000):06d}"


def digest(token: str) -> str:
    """SHA-256 of a token of at least 128 random bits, as hex: what the database keeps."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def keyed_digest(text: str, purpose: str) -> str:
    """HMAC-SHA-256 of a short secret (a code), as hex: useless without the server's key."""
    return keyed_digests(text, purpose)[0]


def keyed_digests(text: str, purpose: str) -> list[str]:
    """The digest under each accepted secret key, the signing one first."""
    message = f"{purpose}\0{text}".encode(errors="surrogatepass")
    return [hmac.digest(_purpose_key(key, "digest"), message, "sha256").hex() for key in settings().secret_keys]


def matches(text: str, purpose: str, stored: str) -> bool:
    """Whether a short secret is the one behind a stored keyed digest, in constant time."""
    return any([hmac.compare_digest(candidate, stored) for candidate in keyed_digests(text, purpose)])


@lru_cache(maxsize=64)
def _purpose_key(key: str, purpose: str) -> bytes:
    return hmac.new(key.encode(), b"latchkey " + purpose.encode(), hashlib.sha256).digest()
