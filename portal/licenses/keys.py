"""License key strings: twenty letters without meaning, random or derived from what was paid."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SHAPE = re.compile(r"[A-Z]{5}(?:-[A-Z]{5}){3}", re.ASCII)


def new_key() -> str:
    """A key such as `ITVBC-GXXNU-GSMTK-NIJBT`: 94 random bits from the operating system."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(20))
    return "-".join(letters[start : start + 5] for start in range(0, 20, 5))


def is_key(text: str) -> bool:
    """Whether a text has the shape of a key, in capitals."""
    return SHAPE.fullmatch(text) is not None


def derived_key(seed: bytes, *parts: object) -> str:
    """The key that belongs to some facts for good: 94 bits of HMAC-SHA-512, the same on every server with this seed."""
    message = "\0".join(str(part) for part in parts).encode()
    number = int.from_bytes(hmac.new(seed, b"license key\0" + message, hashlib.sha512).digest())
    letters = []
    for _ in range(20):
        number, position = divmod(number, len(LETTERS))
        letters.append(LETTERS[position])
    return "-".join("".join(letters[start : start + 5]) for start in range(0, 20, 5))
