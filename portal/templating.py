"""How templates are looked up: with plain dictionaries instead of chained ones, which every page reads many times."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from flask.templating import Environment


class PageEnvironment(Environment):
    """Flask's environment. Globals are copied when a template is loaded, so all must be set before the first one."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """What a template finds beside what it is given."""
        return {**self.globals, **(d or {})}
