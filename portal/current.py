"""The running request and its `g` themselves, for functions on every page's way that read much of them.

Flask's `request` and `g` stand for them and look them up anew at each attribute. A hundred such looks were a tenth of
what the license page costs (docs/performance.md). Elsewhere the names everybody knows are the better choice.
"""

from __future__ import annotations

from typing import Any, cast

from flask import Request, g, request


def current_request() -> Request:
    """The request itself."""
    return cast(Request, request._get_current_object())  # type: ignore[attr-defined]


def current_g() -> Any:
    """The `g` of this request itself."""
    return g._get_current_object()
