"""Refusals in Stripe's error format."""

from typing import Any

DOCS = "https://docs.stripe.com/error-codes/"


class StripeError(Exception):
    """A refusal that the API answers with.

    status: HTTP status. kind: Stripe's `type`. early: found before the endpoint began its work, so that no
    idempotent result is kept for it. headers: further ones of the answer, `_` for `-`.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        decline_code: str | None = None,
        early: bool = False,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.decline_code = decline_code
        self.early = early
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON document of the answer."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code:
            error |= {"code": self.code, "doc_url": DOCS + self.code.replace("_", "-")}
        if self.param:
            error["param"] = self.param
        if self.decline_code:
            error["decline_code"] = self.decline_code
        return {"error": error}


def missing(kind: str, id_: str, *, param: str, in_path: bool = False) -> StripeError:
    """No object of this kind has this id: 404 when the id stood in the path, else 400."""
    noun = {"payment_method": "PaymentMethod", "billing_portal.configuration": "configuration"}.get(kind, kind)
    noun = noun.replace("_", " ")
    shown = id_ if len(id_) <= 200 else id_[:200] + "…"
    return StripeError(
        f"No such {noun}: '{shown}'", status=404 if in_path else 400, code="resource_missing", param=param
    )


def card_declined(param: str = "") -> StripeError:
    """The test card refuses to pay."""
    return StripeError(
        "Your card was declined.",
        status=402,
        kind="card_error",
        code="card_declined",
        decline_code="generic_decline",
        param=param or None,
    )
