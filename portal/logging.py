"""Structured logs without secrets: one line an event, a request id in each."""

from __future__ import annotations

import logging
import re
import secrets
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from flask import Flask, g

from portal.config import Settings

HIDDEN = re.compile(r"(auth|token|code|password|secret|key|cookie|prefilled_email)", re.IGNORECASE)


def init_app(app: Flask) -> None:
    """Send logs to standard error."""
    configure(app.extensions["settings"])


def request_id() -> str:
    """The id of the running request: the same on its error page and in its log lines."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(8)
    return str(g.request_id)


def configure(settings: Settings) -> None:
    """Set the form of log lines: text for people, JSON for machines."""
    last = (
        structlog.processors.JSONRenderer() if settings.log == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            hide_secrets,
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def hide_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Replace the value of any field whose name sounds like a secret."""
    return {name: "[hidden]" if HIDDEN.search(name) else value for name, value in event.items()}


def get() -> Any:
    """The logger of the installation."""
    return structlog.get_logger("latchkey")
