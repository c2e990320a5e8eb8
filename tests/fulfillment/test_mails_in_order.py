"""What is told about a key comes in the order in which it happened, so that the last mail is how things are."""

from __future__ import annotations

import pytest

from portal.extensions import db
from portal.outbox import claims
from portal.outbox.claims import LEASE, Claim
from portal.outbox.mail import transports
from tests.fulfillment.story import Story, work_once

BLOCKED, RESTORED = "license_blocked", "license_restored"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the mails that left, in their order."""
    names: list[str] = []

    def take(message, _url):
        names.append(str(message["List-Id"]).strip("<>").partition(".")[0].replace("-", "_"))

    monkeypatch.setattr(transports, "send", take)
    return names


def two_keys(story: Story):
    """A purchase of two keys, told and done."""
    bought = story.buy(story.customer(), quantity=2)
    story.happens(bought)
    return bought


def change_to(story: Story, bought, quantity: int) -> None:
    """Another quantity, seen here; its mails wait."""
    item = story.at_stripe(bought)["items"]["data"][0]["id"]
    story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "quantity": quantity}]})
    story.move(seconds=2)
    assert story.tell(bought) == 200
    assert work_once() is True


def take_next() -> Claim:
    """A worker takes what is next, and dies or fails."""
    with db.engine.begin() as connection:
        found = claims.claim(connection)
    assert found is not None
    return found


def test_a_key_that_works_again_is_told_after_its_block_though_the_worker_died_twice_over_that(
    story: Story, told: list[str]
) -> None:
    bought = two_keys(story)
    told.clear()
    change_to(story, bought, 1)
    assert take_next().name == BLOCKED
    change_to(story, bought, 2)
    story.work()
    assert told == []

    story.move(seconds=LEASE.total_seconds() + 1)
    assert take_next().name == BLOCKED
    story.move(minutes=2)
    story.work()
    assert told == []

    for _ in range(2):
        story.move(seconds=LEASE.total_seconds() + 1)
        story.work()
    assert told == [BLOCKED, RESTORED]


def test_a_mail_that_the_server_did_not_take_keeps_its_place(
    story: Story, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bought = two_keys(story)
    told.clear()
    change_to(story, bought, 1)
    take, is_down = transports.send, True

    def send(message, url):
        if is_down:
            raise OSError("no route")
        take(message, url)

    monkeypatch.setattr(transports, "send", send)
    for _ in range(4):
        story.work()
        story.move(minutes=1)
    change_to(story, bought, 2)
    is_down = False
    for _ in range(5):
        story.work()
        story.move(minutes=1)
    assert told == [BLOCKED, RESTORED]


def test_what_was_given_up_holds_up_nothing(story: Story, told: list[str]) -> None:
    bought = two_keys(story)
    told.clear()
    change_to(story, bought, 1)
    db.session.execute(claims.failed(take_next(), "refused", for_good=True))
    db.session.commit()
    change_to(story, bought, 2)
    story.work()

    assert told == [RESTORED]
