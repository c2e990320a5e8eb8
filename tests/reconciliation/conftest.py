"""A desk over a running sandbox: something goes wrong, the comparison finds it, staff repair it."""

from __future__ import annotations

import pytest

from tests.fulfillment.conftest import key, sandbox, server, shared_app, shop, story, vendor
from tests.fulfillment.story import Story
from tests.reconciliation.desk import Desk

__all__ = ["desk", "key", "sandbox", "server", "shared_app", "shop", "story", "vendor"]


@pytest.fixture
def desk(story: Story) -> Desk:
    """The desk of the vendor in the story."""
    return Desk(story)
