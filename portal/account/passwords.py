"""Password hashes: Argon2id, 46 MiB, one pass (reference: security 5), and which passwords may be chosen."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _

from portal.account import common_passwords
from portal.errors import Invalid, Throttled

SHORTEST, LONGEST = 8, 256
PRODUCT = "latchkey"
# The hash of a random password nobody knows: verified where there is no account, so that both take the same time.
NOBODY = "$argon2id$v=19$m=47104,t=1,p=1$aJArI0nv9CokdZxGzBBa9w$xwVjf8Cx2b3wCfi2PZzSIW5ssNNEm1vrEiSHMkMY8pg"

_hasher = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)
PATIENCE = 2.0  # seconds
_places = threading.BoundedSemaphore(2 * (os.cpu_count() or 1))


def hash_password(password: str) -> str:
    """The Argon2id hash of a password. Raises Throttled when too many are made at once."""
    with _place():
        return _hasher.hash(password)


def verify(stored: str, password: str) -> bool:
    """Whether a password is the one behind a stored hash; an empty one takes as long and never matches."""
    if len(password) > LONGEST:
        password = ""
    with _place():
        try:
            return _hasher.verify(stored or NOBODY, password) and bool(stored)
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def check(password: str, context: Iterable[str] = (), field: str = "password") -> None:
    """Refuse a password that is too short, too long, common, or made of words around it. Raises Invalid.

    context: what an attacker would try first: the vendor's name and domain, the person's name and address.
    """
    if len(password) < SHORTEST:
        raise Invalid(_("Use at least %(count)d characters.", count=SHORTEST), field=field)
    if len(password) > LONGEST:
        raise Invalid(_("Use at most %(count)d characters.", count=LONGEST), field=field)
    if common_passwords.contains(password) or len(set(password)) < 3:
        raise Invalid(_("Too many people use this password. Choose one that is yours alone."), field=field)
    if _is_context(password, (PRODUCT, *context)):
        raise Invalid(_("This is too close to your name, address or the vendor's name. Choose another."), field=field)


def _is_context(password: str, context: Iterable[str]) -> bool:
    """Whether little is left of a password without the words around it."""
    rest = password.lower()
    for word in sorted(_words(context), key=len, reverse=True):
        rest = rest.replace(word, "")
    letters = re.sub(r"[\W\d_]+", "", rest)
    return len(rest) < len(password) and len(letters) < 4 and len(rest) < SHORTEST


def _words(context: Iterable[str]) -> set[str]:
    whole = {text.lower() for text in context}
    parts = {part for text in whole for part in re.split(r"[\W_]+", text)}
    return {word for word in whole | parts if len(word) >= 4}


@contextmanager
def _place() -> Iterator[None]:
    # Each hash takes 46 MiB, so only so many may run at once.
    if not _places.acquire(timeout=PATIENCE):
        raise Throttled(_("Many people are signing in right now. Please try again in a few seconds."), retry_after=3)
    try:
        yield
    finally:
        _places.release()
