"""A mail of our own, so that these tests do not depend on the wording of any real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from jinja2 import ChoiceLoader, DictLoader

TEMPLATES = {
    "mail/sample/subject.txt": "Hello {{ person }},\nyour code is {{ code }}\n",
    "mail/sample/body.txt": "Hello {{ person }}\n\nYour code is {{ code }}: {{ portal_url }}\n",
    "mail/sample/body.html": "<p>{{ vendor.name }}: {{ person }}, {{ code }}</p>",
}


@pytest.fixture(autouse=True)
def sample_mail(app: Flask) -> Iterator[None]:
    """The mail `sample` beside the real ones."""
    before = app.jinja_env.loader
    app.jinja_env.loader = ChoiceLoader([DictLoader(TEMPLATES), before])
    yield
    app.jinja_env.loader = before
