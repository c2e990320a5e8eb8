"""Fixtures every test may use: an app on a real database, a page client, two vendors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from stripe import HTTPClient

from portal import clock
from portal.extensions import db
from portal.vendors.models import Vendor
from tests import factories
from tests.support import databases
from tests.support.page import Page


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--database=postgresql` runs the same tests on PostgreSQL."""
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, leave out what never touches a database or tests SQLite itself."""
    if config.getoption("--database") == "sqlite":
        return
    kept = [item for item in items if not item.get_closest_marker("sqlite_only")]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_between_tries() -> None:
    """Stripe's library tries a call that failed again after half a second and more; here at once."""
    HTTPClient.INITIAL_DELAY = HTTPClient.MAX_DELAY = 0


@pytest.fixture(scope="session")
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of this test process, with the migrations applied."""
    with databases.fresh(request.config.getoption("--database"), tmp_path_factory.mktemp("data")) as url:
        yield url


@pytest.fixture(scope="session")
def shared_app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """One app per test process."""
    return databases.make_app(database_url, tmp_path_factory.mktemp("mail"))


@pytest.fixture
def app(shared_app: Flask) -> Iterator[Flask]:
    """The app with an empty database and a context of the test's own."""
    databases.empty(shared_app)
    shared_app.extensions.pop("webhook_endpoints", None)
    with shared_app.app_context():
        yield shared_app
        db.session.rollback()
    clock.reset()


@pytest.fixture
def page(app: Flask) -> Page:
    """A browser without script: every page it fetches is checked."""
    return Page(app)


@pytest.fixture
def acme(app: Flask) -> Vendor:
    """A vendor."""
    return factories.make_vendor(domain="acme.example", name="Acme")


@pytest.fixture
def globex(app: Flask) -> Vendor:
    """Another vendor, who must never see Acme's records."""
    return factories.make_vendor(domain="globex.example", name="Globex")
