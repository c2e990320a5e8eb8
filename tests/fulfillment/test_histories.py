"""Any history of a shop ends, after things calm down, with exactly one key per paid unit and one mail per fact.

These are the same histories every time; `python -m tests.fulfillment.soak` tells thousands of others.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import seed
from hypothesis.stateful import run_state_machine_as_test

from tests.fulfillment.histories.machine import History, settings_for
from tests.fulfillment.histories.scene import Scene
from tests.fulfillment.histories.world import ORIGIN, open_world
from tests.support import databases

HISTORIES = {"sqlite": 60, "postgresql": 15}  # in each of four parts
PARTS = 4


@pytest.fixture(scope="module")
def scene(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The shop as every history finds it."""
    app = databases.make_app(database_url, tmp_path_factory.mktemp("mail"), LATCHKEY_STRIPE_API_BASE=ORIGIN)
    databases.empty(app)
    with open_world(app) as world:
        found = Scene(world)
        found.set_up()
        yield found
    databases.empty(app)


@pytest.mark.parametrize("part", range(PARTS))
def test_any_history_ends_well(scene: Scene, part: int, request: pytest.FixtureRequest) -> None:
    History.scene, before = scene, History.told
    histories = HISTORIES[request.config.getoption("--database")]
    run_state_machine_as_test(seed(part)(History), settings=settings_for(histories))

    assert History.told - before >= histories
