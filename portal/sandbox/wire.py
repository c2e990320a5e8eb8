"""Reading Stripe's bracket form encoding: `items[0][price]=price_1` becomes nested dictionaries."""

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from portal.sandbox.errors import StripeError

DEEPEST = 10
MOST_FIELDS = 1000
KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def _refuse(message: str, param: str | None = None) -> StripeError:
    return StripeError(message, param=param, early=True)


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse("Invalid request: the parameters are not valid UTF-8.") from error


def pairs(encoded: bytes) -> list[tuple[str, str]]:
    """The names and values of a query string or form body, in their order."""
    try:
        text = encoded.decode("ascii")
    except UnicodeDecodeError:
        try:
            text = encoded.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _refuse("Invalid request: the parameters are not valid UTF-8.") from error
    parts = [part for part in text.split("&") if part]
    if len(parts) > MOST_FIELDS:
        raise _refuse(f"Invalid request: more than {MOST_FIELDS} parameters.")
    found = []
    for part in parts:
        name, _, value = part.partition("=")
        name, value = _decoded(name), _decoded(value)
        if "\0" in name or "\0" in value:
            raise _refuse("Invalid request: a parameter holds a null byte.")
        found.append((name, value))
    return found


def _steps(name: str) -> list[str]:
    match = KEY.fullmatch(name)
    if match is None:
        raise _refuse(f"Invalid parameter name: {name[:200]}")
    steps = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
    if len(steps) > DEEPEST:
        raise _refuse("Invalid request: parameters are nested too deeply.")
    return steps


def nested(fields: list[tuple[str, str]]) -> dict[str, Any]:
    """Nest the fields by their brackets; a list is a dictionary with the keys "0", "1", …

    The last of equal names wins.
    """
    root: dict[str, Any] = {}
    for name, value in fields:
        here = root
        steps = _steps(name)
        for step in steps[:-1]:
            here = here.setdefault(step or str(len(here)), {})
            if not isinstance(here, dict):
                raise _refuse(f"Invalid parameter: {name[:200]} is given both as a value and as an object.")
        last = steps[-1] or str(len(here))
        if isinstance(here.get(last), dict):
            raise _refuse(f"Invalid parameter: {name[:200]} is given both as a value and as an object.")
        here[last] = value
    return root
