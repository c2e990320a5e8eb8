"""Stripe's library speaking to the sandbox without a socket: the same bytes, answered in this process."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import stripe
from requests.structures import CaseInsensitiveDict

from portal.sandbox.accidents.mishaps import DROP


class Direct(stripe.HTTPClient):
    """Calls a WSGI app. after: told after every answer, before the caller sees it. Retries wait for nobody."""

    name = "direct"

    def __init__(self, app: Callable[..., Any], after: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.app = app
        self.after = after

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_more: Any
    ) -> tuple[str, int, Mapping[str, str]]:
        """Ask, and answer as Stripe's library wants it; a lost reply is a broken connection."""
        environ = _environ(method, url, headers or {}, post_data)
        started: list[Any] = []
        parts = self.app(environ, lambda status, given, exc_info=None: started.extend((status, given)))
        body = b"".join(parts)
        if hasattr(parts, "close"):
            parts.close()
        if self.after:
            self.after()
        if environ.get(DROP):
            raise stripe.APIConnectionError("The connection broke.", should_retry=True)
        return body.decode(), int(started[0].split()[0]), CaseInsensitiveDict(started[1])

    def close(self) -> None:
        """Nothing is open."""

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0


def _environ(method: str, url: str, headers: Mapping[str, str], post_data: Any) -> dict[str, Any]:
    target = urlsplit(url)
    body = post_data.encode() if isinstance(post_data, str) else post_data or b""
    environ = {
        "REQUEST_METHOD": method.upper(),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(target.path),
        "QUERY_STRING": target.query,
        "SERVER_NAME": target.hostname or "",
        "SERVER_PORT": str(target.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": target.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "",
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ
