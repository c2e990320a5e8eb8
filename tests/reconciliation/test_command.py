"""`latchkey reconcile`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from portal.cli import cli, running
from portal.extensions import db
from portal.fulfillment.write_back import TEMPORARY
from portal.reconciliation.found import KINDS
from tests.fulfillment.story import Story
from tests.reconciliation.desk import Desk
from tests.reconciliation.test_keys import change, sold
from tests.support.mailbox import sent_mails


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command against the test's app."""

    @contextmanager
    def same_app(**options: Any) -> Iterator[Flask]:
        from click import ClickException

        from portal.errors import PortalError

        try:
            yield app
        except PortalError as error:
            raise ClickException(error.message) from error

    monkeypatch.setattr(running, "portal_app", same_app)

    def invoke(*arguments: str) -> Result:
        db.session.commit()
        return CliRunner().invoke(cli, ["reconcile", *arguments])

    return invoke


def facts(result: Result) -> dict[str, Any]:
    """The JSON object that was printed."""
    return dict(json.loads(result.stdout))


def test_it_counts_every_class(run: Callable[..., Result], story: Story) -> None:
    sold(story)
    story.buy(story.customer(), metadata={TEMPORARY: "This parameter will replaced …"})

    found = facts(run("--json"))

    assert found["checked"] == 2 and found["repaired"] == 0
    assert set(found["classes"]) == set(KINDS)
    assert {kind for kind, number in found["classes"].items() if number} == {"charged_without_key", "temp_var_set"}


def test_it_repairs_what_takes_nothing_away(run: Callable[..., Result], story: Story, desk: Desk) -> None:
    bought = story.buy(story.customer(), metadata={TEMPORARY: "This parameter will replaced …"})
    ended = sold(story)
    story.shop.v1.subscriptions.cancel(ended.id)
    story.happens(story.buy(price=story.plan()))

    found = facts(run("--vendor", "acme.example", "--repair", "--json"))

    assert found["repaired"] >= 1
    assert TEMPORARY not in story.at_stripe(bought)["metadata"]
    assert not any(license.block for license in story.licenses()), "nothing is taken away without a person"
    again = facts(run("--vendor", "acme.example", "--json"))
    assert {kind for kind, number in again["classes"].items() if number} == {"ended_but_valid", "unclaimed_payment"}


def test_it_runs_twice_without_harm(run: Callable[..., Result], story: Story) -> None:
    sold(story)
    change(story.the_key(), block=True)

    assert facts(run("--repair", "--json")) == facts(run("--repair", "--json"))
    assert story.the_key().block, "staff blocked it"


def test_a_vendor_without_a_key_has_nothing_to_compare(run: Callable[..., Result], globex: Any, story: Story) -> None:
    found = run("--vendor", "globex.example", "--json")

    assert found.exit_code == 0 and facts(found)["checked"] == 0


def test_while_stripe_is_away_it_says_so_and_closes_nothing(
    run: Callable[..., Result], story: Story, desk: Desk
) -> None:
    story.buy(story.customer())
    desk.compare()
    story.accident("server_error", times=50)

    found = run("--json")

    assert found.exit_code == 1 and "acme.example" in found.stderr
    assert facts(found)["classes"]["lookup_failed"] == 1
    assert {finding.kind for finding in desk.open()} == {"charged_without_key", "lookup_failed"}
    story.calm_down()
    desk.compare()
    assert {finding.kind for finding in desk.open()} == {"charged_without_key"}


def test_without_the_option_it_only_looks(run: Callable[..., Result], story: Story, desk: Desk) -> None:
    bought = story.buy(story.customer(), metadata={TEMPORARY: "This parameter will replaced …"})
    before = len(story.sandbox.judge.seen)

    assert run().exit_code == 0

    assert not [call for call in story.sandbox.judge.seen[before:] if not call.startswith("GET ")]
    assert TEMPORARY in story.at_stripe(bought)["metadata"] and story.licenses() == []
    assert desk.states() == {"open": 2}, "the desk knows of it"


def test_its_lines_name_the_classes_with_something_in_them(run: Callable[..., Result], story: Story) -> None:
    story.happens(story.buy(story.customer()))
    assert run().stdout.split() == ["checked:", "1", "differences:", "0", "repaired:", "0"]

    story.buy(story.customer())
    lines = [line.split() for line in run("--repair").stdout.splitlines()]

    assert lines == [["checked:", "2"], ["differences:", "1"], ["charged_without_key:", "1"], ["repaired:", "1"]]
    assert len(story.licenses()) == 2


def test_a_difference_is_no_failure_and_a_wrong_word_is_wrong_usage(run: Callable[..., Result], story: Story) -> None:
    story.buy(story.customer())

    assert run().exit_code == 0
    assert run("--mend").exit_code == 2
    assert run("acme.example").exit_code == 2
    refused = run("--vendor", "nobody.example")
    assert refused.exit_code == 1 and len(refused.stderr.splitlines()) == 1


def test_while_stripe_is_away_nothing_is_repaired(run: Callable[..., Result], story: Story, desk: Desk) -> None:
    story.buy(story.customer())
    desk.compare()
    story.accident("server_error", times=50)

    found = run("--repair", "--json")

    assert found.exit_code == 1 and facts(found)["repaired"] == 0
    assert len(found.stderr.splitlines()) == 1
    story.calm_down()
    assert facts(run("--repair", "--json"))["repaired"] == 1
    assert len(story.licenses()) == 1 and desk.open() == []


def test_a_payment_that_waits_too_long_is_told_of_by_the_command_too(run: Callable[..., Result], story: Story) -> None:
    bought = story.buy(story.customer())
    run()
    assert not sent_mails("owner@acme.example"), "not before five minutes"
    story.move(minutes=6)

    run()
    run()

    (mail,) = sent_mails("owner@acme.example")
    assert mail.name == "charged_without_key" and bought.id in mail.text
