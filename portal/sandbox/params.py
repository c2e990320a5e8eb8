"""What an endpoint accepts: small readers that turn form text into typed values or refuse like Stripe does.

A reader takes (value, name) and returns the typed value. An empty string is Stripe's way to unset: it reads as None.
"""

import re
from collections.abc import Callable
from typing import Any

from portal.sandbox.errors import StripeError

Reader = Callable[[Any, str], Any]
URL = re.compile(r"https?://[^\s/?#]+[^\s]*", re.ASCII)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
CURRENCY = re.compile(r"[a-zA-Z]{3}", re.ASCII)


def refuse(message: str, name: str, code: str | None = None) -> StripeError:
    """A parameter refused before the endpoint began."""
    return StripeError(message, param=name, code=code, early=True)


def _scalar(value: Any, name: str) -> str:
    if isinstance(value, dict):
        raise refuse(f"Invalid string: {name} must not be an object or a list.", name)
    return str(value)


def text(longest: int = 5000, *, clearable: bool = True) -> Reader:
    """Text of at most so many characters."""

    def read(value: Any, name: str) -> str | None:
        found = _scalar(value, name)
        if len(found) > longest:
            raise refuse(f"Invalid string: {found[:20]}…; must be at most {longest} characters", name)
        if found == "" and not clearable:
            raise refuse(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
                f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a non-empty "
                "value.",
                name,
                "parameter_invalid_empty",
            )
        return found or None

    return read


def matching(pattern: re.Pattern[str], longest: int, message: str, code: str | None = None) -> Reader:
    """Text that must have a certain form, or be empty."""

    def read(value: Any, name: str) -> str | None:
        found = text(longest)(value, name)
        if found is not None and not pattern.fullmatch(found):
            raise refuse(message.format(found), name, code)
        return found

    return read


url = matching(URL, 5000, "Not a valid URL", "url_invalid")
email = matching(EMAIL, 512, "Invalid email address: {}", "email_invalid")
_currency = matching(CURRENCY, 3, "Invalid currency: {}.")


def currency(value: Any, name: str) -> str | None:
    """A three-letter code, stored in lower case."""
    found = _currency(value, name)
    return found.lower() if found else None


def flag(value: Any, name: str) -> bool:
    """`true` or `false`."""
    if value not in ("true", "false"):
        raise refuse(f"Invalid boolean: {str(value)[:100]}", name)
    return bool(value == "true")


def whole(least: int | None = None, most: int | None = None) -> Reader:
    """A whole number within limits."""

    def read(value: Any, name: str) -> int:
        found = _scalar(value, name)
        if not re.fullmatch(r"-?[0-9]{1,15}", found, re.ASCII):
            raise refuse(f"Invalid integer: {found[:100]}", name, "parameter_invalid_integer")
        number = int(found)
        if least is not None and number < least:
            raise refuse(f"This value must be greater than or equal to {least}.", name, "parameter_invalid_integer")
        if most is not None and number > most:
            raise refuse(f"This value must be less than or equal to {most}.", name, "parameter_invalid_integer")
        return number

    return read


timestamp = whole(0, 10**11)


def choice(*allowed: str, clearable: bool = False) -> Reader:
    """One of a few words."""

    def read(value: Any, name: str) -> str | None:
        found = _scalar(value, name)
        if clearable and found == "":
            return None
        if found not in allowed:
            raise refuse(f"Invalid {name}: must be one of {', '.join(allowed)}", name)
        return found

    return read


def either(words: tuple[str, ...], otherwise: Reader, *, clearable: bool = False) -> Reader:
    """One of a few words, an unset where allowed, or else what the other reader takes."""

    def read(value: Any, name: str) -> Any:
        if value == "" and clearable:
            return None
        return value if value in words else otherwise(value, name)

    return read


def list_of(reader: Reader, most: int = 100) -> Reader:
    """A list (`a[0]=`, `a[]=`); an empty string is an empty list."""

    def read(value: Any, name: str) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, dict) or not all(re.fullmatch(r"[0-9]{1,6}", key, re.ASCII) for key in value):
            raise refuse("Invalid array", name)
        if len(value) > most:
            raise refuse(f"Array {name} exceeded maximum {most} allowed elements.", name)
        ordered = sorted(value.items(), key=lambda entry: int(entry[0]))
        return [reader(found, f"{name}[{index}]") for index, (_, found) in enumerate(ordered)]

    return read


def group(fields: dict[str, Reader], required: tuple[str, ...] = (), *, clearable: bool = False) -> Reader:
    """An object with known fields."""

    def read(value: Any, name: str) -> dict[str, Any] | None:
        if value == "" and clearable:
            return None
        if not isinstance(value, dict):
            raise refuse("Invalid object", name)
        return read_fields(value, fields, required, name)

    return read


def read_fields(
    given: dict[str, Any], fields: dict[str, Reader], required: tuple[str, ...], prefix: str = ""
) -> dict[str, Any]:
    """Type the given fields; refuse unknown ones and miss required ones. Only what was given is in the answer."""
    label = "{}[{}]".format if prefix else (lambda _, key: key)
    for key in given:
        if key not in fields:
            name = label(prefix, key)[:200]
            raise refuse(f"Received unknown parameter: {name}", name, "parameter_unknown")
    for key in required:
        if key not in given:
            name = label(prefix, key)
            raise refuse(f"Missing required param: {name}.", name, "parameter_missing")
    return {key: fields[key](value, label(prefix, key)) for key, value in given.items()}


def metadata(value: Any, name: str) -> dict[str, str] | None:
    """Stripe's limits: 50 keys, names of 40 and values of 500 characters. None empties it."""
    if value == "":
        return None
    if not isinstance(value, dict):
        raise refuse("Invalid object", name)
    if len(value) > 50:
        raise refuse("You can specify up to 50 metadata keys.", name)
    for key, found in value.items():
        if isinstance(found, dict):
            raise refuse(f"Metadata values must be strings, but for key {key[:40]} you passed in an object.", name)
        if len(key) > 40:
            raise refuse(f"Metadata keys can have up to 40 characters, but yours has {len(key)}.", name)
        if len(found) > 500:
            raise refuse(f"Metadata values can have up to 500 characters, but you passed in {len(found)}.", name)
    return dict(value)


def merged_metadata(current: dict[str, str], change: dict[str, str] | None) -> dict[str, str]:
    """Metadata after an update: named keys change, an empty value removes its key, None removes all."""
    if change is None:
        return {}
    result = {key: value for key, value in (current | change).items() if value != ""}
    if len(result) > 50:
        raise refuse("You can specify up to 50 metadata keys.", "metadata")
    return result


_between = group({"gt": timestamp, "gte": timestamp, "lt": timestamp, "lte": timestamp})


def moment_or_range(value: Any, name: str) -> dict[str, int]:
    """A time, or limits `gt`, `gte`, `lt`, `lte`; always read as limits."""
    if isinstance(value, dict):
        return _between(value, name)
    at = timestamp(value, name)
    return {"gte": at, "lte": at}


EXPAND: dict[str, Reader] = {"expand": list_of(text(200, clearable=False), 20)}
PAGE: dict[str, Reader] = EXPAND | {
    "limit": whole(1, 100),
    "starting_after": text(clearable=False),
    "ending_before": text(clearable=False),
}
