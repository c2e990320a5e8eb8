"""License key strings: twenty random letters, without meaning."""

from __future__ import annotations

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
