"""A few of the runs of `make crash`; all of them take minutes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.crash.__main__ import one
from tests.crash.lane import Lane
from tests.crash.plan import EVERYBODY, SERVERS, WORKERS, Run
from tests.support import databases

RUNS = {
    "stored and not answered": Run(1, "", dict.fromkeys(SERVERS, "webhooks.door.after_commit=kill@2")),
    "written and not committed": Run(2, "", dict.fromkeys(WORKERS, "webhooks.handle.before_commit=kill@2")),
    "committed and not known": Run(3, "", {"worker1": "webhooks.handle.after_commit=kill@1"}),
    "mail sent and not noted": Run(4, "", dict.fromkeys(WORKERS, "worker.mail.after_send=kill@1")),
    "Stripe asked and not heard": Run(5, "", dict.fromkeys(SERVERS, "gateway.call.after=kill@1")),
    "everybody at once": Run(6, "", blows=((0.4, EVERYBODY), (1.1, EVERYBODY))),
}


@pytest.fixture(scope="module")
def lane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    """Databases and processes for all runs here."""
    server = None
    if request.config.getoption("--database") == "postgresql":
        server = os.environ.get("TEST_POSTGRESQL_URL") or databases.start_postgresql()
    made = Lane(tmp_path_factory.mktemp("lane"), server)
    try:
        made.prepare()
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_lost_and_nothing_comes_twice(lane: Lane, name: str) -> None:
    found = one(lane, RUNS[name])

    assert (found.lost, found.double, found.wrong) == ([], [], [])
    assert found.acknowledged > 20
    assert lane.deaths
    assert {signal for _, signal in lane.deaths} == {9}
