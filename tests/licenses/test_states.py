"""What a license is at a moment: the table of PRODUCT 5.1."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from portal.licenses import keys, states

pytestmark = pytest.mark.sqlite_only
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEFINITIONS = {"f1": {"name": "Export", "type": 0}, "f2": {"name": "Year", "type": 1}, "f3": {"name": "Try", "type": 2}}


@pytest.mark.parametrize(
    ("active", "all_limited", "period", "limited"),
    [
        ([], False, 0, False),
        (["f1"], False, 0, False),
        (["f3"], False, 0, False),
        (["f4"], False, 0, False),
        (["f2"], False, 0, True),
        ([], True, 0, True),
        ([], False, 1, True),
    ],
)
def test_time_limited(active: list[str], all_limited: bool, period: int, limited: bool) -> None:
    assert states.is_time_limited(DEFINITIONS, active, all_limited=all_limited, period=period) is limited


@pytest.mark.parametrize(
    ("active", "trial_activation", "trial"),
    [([], False, False), (["f2"], False, False), (["f3"], False, True), ([], True, True)],
)
def test_trial(active: list[str], trial_activation: bool, trial: bool) -> None:
    assert states.is_trial(DEFINITIONS, active, trial_activation=trial_activation) is trial


@pytest.mark.parametrize(
    ("time_limited", "seconds", "expired"), [(True, -1, True), (True, 0, True), (True, 1, False), (False, -1, False)]
)
def test_expired(time_limited: bool, seconds: int, expired: bool) -> None:
    at = NOW + timedelta(seconds=seconds)
    assert states.is_expired(time_limited=time_limited, expires_at=at, at=NOW) is expired


@pytest.mark.parametrize(
    ("status", "over"),
    [("active", False), ("past_due", False), ("paused", False), ("new_at_stripe", False), ("", False)]
    + [("canceled", True), ("incomplete_expired", True)],
)
def test_an_unknown_status_has_not_ended(status: str, over: bool) -> None:
    assert states.has_ended(status) is over


def test_features_have_the_names_of_the_product() -> None:
    assert states.feature_names(DEFINITIONS, ["f1", "f2", "f8"]) == ["Export", "Year", "F8"]


def test_keys_are_twenty_letters_in_four_groups() -> None:
    assert all(keys.is_key(keys.new_key()) for _ in range(50))
    for wrong in ("", "abcde-fghij-klmno-pqrst", "ABCDE-FGHIJ-KLMNO-PQRS1", "ABCDE-FGHIJ-KLMNO-PQRST\n"):
        assert not keys.is_key(wrong)
