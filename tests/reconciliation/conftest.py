"""A desk over a running sandbox: something goes wrong, the comparison finds it, staff repair it."""

from __future__ import annotations

import pytest

from tests import factories
from tests.fulfillment.conftest import key, sandbox, server, shared_app, shop, story, vendor
from tests.fulfillment.story import Story
from tests.reconciliation.desk import Desk
from tests.support.page import Page

__all__ = ["desk", "key", "sandbox", "server", "shared_app", "shop", "story", "vendor"]


@pytest.fixture
def desk(story: Story) -> Desk:
    """The desk of the vendor in the story."""
    return Desk(story)


@pytest.fixture
def staff(story: Story) -> Page:
    """A supporter at the desk."""
    user = factories.make_staff(story.vendor, "support", email="support@acme.example")
    return Page(story.app).sign_in(user, vendor=story.vendor)
