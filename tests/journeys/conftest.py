"""One browser and one site for all journeys; a fresh vendor and a fresh window for each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, sync_playwright

from portal import clock
from tests import factories
from tests.journeys.person import Person
from tests.journeys.site import VENDOR, Site, running_site
from tests.support import browser, databases

SIZES = {"phone": (390, 844, False), "desktop": (1280, 900, True)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Journeys bring their own database and browser; without one they are left out."""
    for item in items:
        if "tests/journeys" in str(item.path):
            item.add_marker(pytest.mark.sqlite_only)
            item.add_marker(pytest.mark.journey)
            if os.environ.get("BROWSER") == "none":
                item.add_marker(pytest.mark.skip(reason="BROWSER=none"))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The running site."""
    with running_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    path = browser.find()
    assert path, browser.HELP
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=browser.FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def app(site: Site) -> Iterator[Flask]:
    """The site's app with an empty database; records are made in a context of the test's own."""
    databases.empty(site.app)
    site.sandbox.clock.now = clock.unix()  # it stands still; the doctor compares the two
    site.app.extensions.pop("webhook_endpoints", None)
    with site.app.app_context():
        yield site.app
    clock.reset()


@pytest.fixture
def vendor(app: Flask) -> object:
    """The vendor of the journeys."""
    return factories.make_vendor(VENDOR, "Acme Instruments", support_email="help@acme.example")


@pytest.fixture(params=list(SIZES))
def person(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Person]:
    """Somebody with a phone without JavaScript, then with a desktop window with it."""
    width, height, script = SIZES[request.param]
    context = chromium.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    yield Person(context, script=script)
    context.close()
