"""What can be read of a plan (`skm`) that is not right, so that whoever mends it need not type it all anew."""

from __future__ import annotations

import json
import re
from typing import Any

from portal.errors import Invalid
from portal.licenses import create_key
from portal.licenses.create_key import CreateKey

QUOTES = str.maketrans(dict.fromkeys("'“”„‘’", '"'))
BARE_NAME = re.compile(r"([{,]\s*)([A-Za-z]\w*)\s*:", re.ASCII)
BARE_TRUTH = re.compile(r"(:\s*)(true|false)(?=\s*[,}])", re.ASCII | re.IGNORECASE)
LAST_COMMA = re.compile(r",\s*}\s*$")


def rescue(text: str) -> CreateKey:
    """The parameters that can be understood without guessing; each of the others is as in a plain key.

    Names without quotation marks, other quotation marks, a comma too many, missing braces and unknown parameters are
    seen through. Only for showing to somebody who then confirms it.
    """
    if len(text) > create_key.LONGEST:
        return CreateKey()
    given = _object(text) or _object(_mended(text))
    fit = {name: value for name, value in given.items() if _is_fit({name: value})}
    return create_key.parse(json.dumps(fit)) if _is_fit(fit) else CreateKey()


def _mended(text: str) -> str:
    inner = text.translate(QUOTES).strip().removeprefix("{").removesuffix("}")
    named = BARE_NAME.sub(r'\1"\2":', "{" + inner + "}")
    return LAST_COMMA.sub("}", BARE_TRUTH.sub(lambda found: found[1] + found[2].lower(), named))


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_fit(given: dict[str, Any]) -> bool:
    try:
        create_key.parse(json.dumps(given))
    except Invalid:
        return False
    return True
