"""Security headers on every answer; framing and form targets are the only parts that vary."""

from __future__ import annotations

from functools import lru_cache

from flask import Flask, Response

from portal.config import Settings
from portal.current import current_g

STRIPE_FORM_TARGETS = ("https://billing.stripe.com", "https://checkout.stripe.com")
FIXED = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)
HSTS = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")


def init_app(app: Flask) -> None:
    """Send the headers with every answer of the app.

    `g.frame_ancestors` (exact origins, set by the embed edge) opens framing; `g.form_targets` adds a vendor's
    own Stripe domain; `g.private` is False where an answer may be kept.
    """
    settings: Settings = app.extensions["settings"]
    targets = STRIPE_FORM_TARGETS + ((settings.sandbox_origin,) if settings.sandbox_origin else ())
    fixed = FIXED + ((HSTS,) if settings.secure else ())

    @app.after_request
    def send(response: Response) -> Response:
        here = current_g()
        given = {name.lower() for name, _value in response.headers}
        wanted = [header for header in fixed if header[0].lower() not in given]
        if "content-security-policy" not in given:
            allowed = policy(targets + tuple(here.get("form_targets", ())), tuple(here.get("frame_ancestors", ())))
            wanted.append(("Content-Security-Policy", allowed))
        if "cache-control" not in given and here.get("private", True):
            wanted.append(("Cache-Control", "no-store"))
        for name, value in wanted:
            response.headers.add(name, value)
        return response


@lru_cache(maxsize=1024)
def policy(form_targets: tuple[str, ...], frame_ancestors: tuple[str, ...] = ()) -> str:
    """The content security policy of one answer, made once for the same targets and frames.

    Browsers apply `form-action` to the redirect after a POST too, so Stripe stands here.
    """
    ancestors = " ".join(frame_ancestors) or "'none'"
    return (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https:; connect-src 'self'; "
        f"form-action 'self' {' '.join(form_targets)}; base-uri 'none'; object-src 'none'; "
        f"frame-ancestors {ancestors}"
    )
