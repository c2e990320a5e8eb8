"""Keys of list pages, read from the address."""

from __future__ import annotations

from flask import request
from flask_babel import gettext as _

from portal.addresses import query
from portal.errors import NotFound

LIMIT = 50


def key(name: str) -> int | None:
    """The id at which a page begins or ends; a text that is no number names no page."""
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**31):
        raise NotFound(_("There is no such page."))
    return int(text)


def address(**values: object) -> str:
    """This page's address with other query values; empty ones are left out."""
    kept = {name: value for name, value in values.items() if value not in (None, "")}
    return f"{request.path}?{query(**kept)}" if kept else request.path
