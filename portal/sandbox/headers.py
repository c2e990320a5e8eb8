"""Headers of the hosted pages: nothing from elsewhere, no framing, no caching."""

from flask import Flask, Response, g


def init_app(app: Flask, portal_origins: list[str]) -> None:
    """portal_origins: where forms of the hosted pages may also lead back to."""

    @app.after_request
    def _secure(response: Response) -> Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.mimetype == "text/html":
            targets = " ".join(["'self'", *sorted({*g.get("form_targets", []), *portal_origins})])
            response.headers["Content-Security-Policy"] = (
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
                f"form-action {targets}"
            )
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["X-Frame-Options"] = "DENY"
            response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
            response.headers["Cache-Control"] = "no-store"
        return response
