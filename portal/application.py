"""Flask, set up for this portal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from portal.cookies import SmallSession
from portal.extensions import login_manager
from portal.templating import PageEnvironment


class Application(Flask):
    """Flask with our sessions, templates and, for Flask-Login, visitors.

    login_manager: set here because `LoginManager.init_app` also looks into the session after every request, for a
    cookie we do not use.
    """

    jinja_environment = PageEnvironment
    jinja_options = {
        "cache_size": -1
    }  # all templates stay: there are some hundred, and a bounded cache locks and moves
    session_interface = SmallSession()
    login_manager = login_manager

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is: nothing here is a coroutine, which Flask would look for a dozen times per request."""
        return func
