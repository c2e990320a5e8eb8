"""Common passwords, kept as short hashes: enough to recognize one, not to read the list.

`common_passwords.bin` holds the first five bytes of the SHA-256 of each password, sorted, without separators. Make it
anew from lists of one password a line with
`python -m portal.account.common_passwords LIST… > portal/account/common_passwords.bin` (`.gz` works too).
The one in the tree comes from the 20,000 passwords Django screens with, those of eight letters and more.
"""

from __future__ import annotations

import gzip
import hashlib
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("common_passwords.bin")
WIDTH = 5
SHORTEST = 8


def contains(password: str) -> bool:
    """Whether a password is a common one, in whatever upper and lower case."""
    return _short_hash(password) in _hashes()


def build(passwords: Iterable[str]) -> bytes:
    """The content of the file for a list of passwords; those too short to be accepted anyway are left out."""
    return b"".join(sorted({_short_hash(word) for word in passwords if len(word) >= SHORTEST}))


@cache
def _hashes() -> frozenset[bytes]:
    data = FILE.read_bytes()
    return frozenset(data[at : at + WIDTH] for at in range(0, len(data), WIDTH))


def _short_hash(password: str) -> bytes:
    return hashlib.sha256(password.lower().encode(errors="surrogatepass")).digest()[:WIDTH]


def _words(path: str) -> list[str]:
    data = Path(path).read_bytes()
    return (gzip.decompress(data) if path.endswith(".gz") else data).decode().split()


if __name__ == "__main__":
    sys.stdout.buffer.write(build(word for path in sys.argv[1:] for word in _words(path)))
