"""The family of expected refusals: a status and a sentence fit to show."""

from __future__ import annotations


class PortalError(Exception):
    """An expected refusal. Services raise it, `error_pages` shows it.

    message: one sentence for the person in front of the screen, already translated.
    """

    status = 400

    def __init__(self, message: str = "", *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class NotFound(PortalError):
    """Nothing the caller may see has this name. Another tenant's record looks the same."""

    status = 404


class Forbidden(PortalError):
    """The role does not allow this."""

    status = 403


class Conflict(PortalError):
    """Somebody else was faster, or two tabs disagree."""

    status = 409


class Gone(PortalError):
    """It existed and was ended: expired, revoked or switched off."""

    status = 410


class Invalid(PortalError):
    """The input is well-formed but cannot be taken.

    field: name of the form field the message belongs to, if any.
    """

    status = 422

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Throttled(PortalError):
    """Too many tries. `retry_after` is in seconds."""

    status = 429


class Unavailable(PortalError):
    """Something outside does not answer; trying again later helps."""

    status = 503
