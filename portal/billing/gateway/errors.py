"""What can go wrong at Stripe, as a small family of our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask_babel import gettext as _

from portal import failpoints
from portal.errors import Unavailable


class GatewayError(Unavailable):
    """Stripe did not do what we asked. The message is fit to show."""


class Unreachable(GatewayError):
    """No answer, too slow, too busy, or a mistake on Stripe's side: trying again later helps."""


class Stumbled(Unreachable):
    """Stripe answered with a mistake of its own, and keeps that answer under the idempotency key for a day."""


class KeyReused(GatewayError):
    """The idempotency key went out before with other parameters: look what exists, then take another key."""


class KeyRefused(GatewayError):
    """The API key is wrong, expired, or may not do this."""


class Refused(GatewayError):
    """Stripe understood and said no. code, param: as Stripe names them. detail: its own words, in English."""

    def __init__(self, message: str, *, code: str = "", param: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.detail = detail


class NoSuchCustomer(Refused):
    """Stripe has no such customer, or has deleted it."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of Stripe's library into ours."""
    import stripe

    failpoints.reach("gateway.call.before")
    try:
        yield
        failpoints.reach("gateway.call.after")
    except (stripe.APIConnectionError, stripe.RateLimitError) as error:
        raise Unreachable(_("Stripe does not answer right now. Please try again in a moment.")) from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise KeyRefused(_("Stripe does not accept the API key, or the key lacks a permission.")) from error
    except stripe.IdempotencyError as error:
        raise KeyReused(_("Stripe is still busy with an earlier try. Please try again in a moment.")) from error
    except stripe.InvalidRequestError as error:
        raise _refusal(error) from error
    except stripe.StripeError as error:
        if (error.http_status or 500) >= 500:
            raise Stumbled(_("Stripe has a problem right now. Please try again in a moment.")) from error
        if error.http_status == 409:
            raise Unreachable(_("Stripe is still busy with an earlier try. Please try again in a moment.")) from error
        raise _refusal(error) from error


def _refusal(error: object) -> Refused:
    code, param = str(getattr(error, "code", None) or ""), str(getattr(error, "param", None) or "")
    if code == "resource_missing" and param == "customer":
        return NoSuchCustomer(_("Stripe does not know this customer any more."), code=code, param=param)
    detail = str(getattr(error, "user_message", None) or "")
    return Refused(_("Stripe did not accept this step."), code=code, param=param, detail=detail)
