"""Signed values in links and cookies: itsdangerous with SHA-256, one salt per purpose, one spelling per value."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from portal import clock, crypto


class _Compact:
    """JSON with sorted keys, so that the same facts always sign to the same text."""

    @staticmethod
    def dumps(value: Any) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def loads(text: str | bytes) -> Any:
        return json.loads(text)


def sign(purpose: str, facts: dict[str, Any]) -> str:
    """Sign facts for one purpose; the same facts give the same text until the key changes.

    facts: plain JSON values. Put the audience (`aud`: vendor id), an expiry (`exp`: unix seconds) or a `jti` in
    where the purpose needs them; `read` checks `exp` and `aud`.
    """
    return _serializer(purpose, crypto.settings().secret_keys[:1]).dumps(facts)


def read(purpose: str, text: str, audience: int | None = None) -> dict[str, Any] | None:
    """The facts behind a signed text, or None if it is forged, altered, expired or meant for someone else.

    A second spelling of the same signature (padding, other last letters) is refused too.
    """
    if not text or len(text) > 2000 or not text.isascii():
        return None
    for key in crypto.settings().secret_keys:
        serializer = _serializer(purpose, (key,))
        try:
            facts = serializer.loads(text)
        except (BadData, ValueError, RecursionError):
            continue
        if not isinstance(facts, dict) or serializer.dumps(facts) != text:
            continue
        return facts if _still_good(facts, audience) else None
    return None


def _still_good(facts: dict[str, Any], audience: int | None) -> bool:
    if audience is not None and facts.get("aud") != audience:
        return False
    return "exp" not in facts or facts["exp"] > clock.unix()


def _serializer(purpose: str, keys: tuple[str, ...]) -> URLSafeSerializer:
    return URLSafeSerializer(
        list(keys),
        salt=f"latchkey.{purpose}.v1",
        serializer=_Compact,
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )
