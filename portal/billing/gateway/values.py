"""Values out of Stripe's documents; anything of another kind than expected counts as missing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LATEST = 253_402_300_799  # the last second of the year 9999


def mapping(found: Any) -> Mapping[str, Any]:
    """An object, or an empty one."""
    return found if isinstance(found, dict) else {}


def identifier(found: Any) -> str:
    """The id of something that Stripe may have expanded."""
    text = found.get("id") if isinstance(found, dict) else found
    return text if isinstance(text, str) else ""


def metadata(found: Mapping[str, Any]) -> dict[str, str]:
    """The metadata of an object."""
    return {str(name): str(value) for name, value in mapping(found.get("metadata")).items()}


def moment(seconds: Any) -> datetime | None:
    """A time, or None for anything that is none."""
    return datetime.fromtimestamp(seconds, UTC) if whole(seconds) and 0 < seconds <= LATEST else None


def whole(number: Any) -> int | None:
    """A whole number, or None."""
    return number if isinstance(number, int) and not isinstance(number, bool) else None
