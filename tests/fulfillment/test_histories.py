"""Any history of a shop ends, after things calm down, with exactly one key per paid unit and one mail per fact.

These are the same histories every time; `python -m tests.fulfillment.soak` tells thousands of others.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import seed
from hypothesis.stateful import run_state_machine_as_test

from portal.extensions import db
from portal.webhooks import claims
from tests.fulfillment.histories.house import House
from tests.fulfillment.histories.invariants import rows
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


def test_news_of_what_a_dead_worker_holds_waits_until_its_lease_is_over(scene: Scene) -> None:
    house = House(scene)
    house.open({"grace_days": 0, "refund_policy": "block", "dispute_policy": "suspend"}, {})
    house.deeds.card(0, "pm_card_visa")
    house.deliver(100, None, None)

    def claim_and_die() -> None:
        with db.engine.begin() as connection:
            assert claims.claim(connection)

    scene.world.in_app(claim_and_die)
    house.deeds.card(0, "pm_card_visa")
    house.deliver(100, None, None)
    house.wait()

    found = scene.world.in_app(lambda: rows("stripe_events"))
    assert {row["state"] for row in found if row["type"] == "customer.updated"} == {"done"}
    assert house.end() == []
