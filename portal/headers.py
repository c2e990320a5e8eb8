"""Security headers on every answer; framing and form targets are the only parts that vary."""

from __future__ import annotations

from flask import Flask, Response, g

from portal.config import Settings

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
    """Send the headers with every answer of the app."""
    settings: Settings = app.extensions["settings"]
    targets = STRIPE_FORM_TARGETS + ((settings.sandbox_origin,) if settings.sandbox_origin else ())
    fixed = FIXED + ((HSTS,) if settings.secure else ())

    @app.after_request
    def send(response: Response) -> Response:
        given = {name.lower() for name, _value in response.headers}
        wanted = [header for header in fixed if header[0].lower() not in given]
        if "content-security-policy" not in given:
            wanted.append(("Content-Security-Policy", policy(targets)))
        if "cache-control" not in given and g.get("private", True):
            wanted.append(("Cache-Control", "no-store"))
        response.headers.extend(wanted)
        return response


def policy(form_targets: tuple[str, ...]) -> str:
    """The content security policy of one answer.

    `g.frame_ancestors` (a list of exact origins, set by the embed edge) opens framing; `g.form_targets` adds a
    vendor's own Stripe domain. Browsers apply `form-action` to the redirect after a POST too, so Stripe stands here.
    """
    ancestors = " ".join(g.get("frame_ancestors", ())) or "'none'"
    targets = " ".join(form_targets + tuple(g.get("form_targets", ())))
    return (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https:; connect-src 'self'; "
        f"form-action 'self' {targets}; base-uri 'none'; object-src 'none'; frame-ancestors {ancestors}"
    )
