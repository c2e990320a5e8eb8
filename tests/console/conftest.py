"""Staff at their desk."""

from __future__ import annotations

import pytest

from portal.vendors.models import Vendor
from tests.factories import make_staff
from tests.support.page import Page


@pytest.fixture
def desk(page: Page, acme: Vendor) -> Page:
    """An owner of Acme, signed in."""
    return page.sign_in(make_staff(acme, "owner", email="owner@acme.example", name="Olga Owner"), vendor=acme)
