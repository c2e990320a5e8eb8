"""Tables of settings, switches, limits and permissions say what the code says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from portal import config, throttle
from portal.billing import service as billing
from portal.console import switches_form
from portal.home import health
from portal.reconciliation import found, remedies, words
from portal.vendors import switches
from tests.architecture.source import ROOT
from tests.docs import documents

pytestmark = pytest.mark.sqlite_only

OPERATOR = documents.get("docs/operator-guide.md")
VENDOR = documents.get("docs/vendor-guide.md")


def shown(value: Any) -> str:
    """A default as the guide writes it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if value or value == 0 else "–"


def test_the_settings_are_those_of_the_configuration() -> None:
    assert dict(OPERATOR.rows("setting", "meaning")) == config.documentation()


def test_every_setting_named_anywhere_exists() -> None:
    for document in documents.everything():
        for span in document.spans:
            if span.startswith("LATCHKEY_"):
                assert span in config.documentation(), f"{document}: {span}"


def test_the_switches_and_their_defaults_are_those_of_the_code() -> None:
    expected = [(name, shown(getattr(switches.DEFAULTS, name))) for name in switches.NAMES]
    assert [row[:2] for row in VENDOR.rows("switch", "default", "meaning")] == expected


def test_the_settings_page_and_the_guide_agree_on_what_comes_later() -> None:
    rows = VENDOR.rows("switch", "default", "meaning")
    assert tuple(name for name, _default, meaning in rows if "later part" in meaning) == switches_form.LATER


def test_the_settings_page_offers_every_switch() -> None:
    offered = [name for _heading, names in switches_form.GROUPS for name in names]
    assert sorted(offered) == sorted(switches.NAMES)


def test_the_limits_are_those_of_throttling() -> None:
    assert {row[0]: row[1] for row in OPERATOR.rows("limit", "allowed", "counted for")} == throttle.LIMITS


def test_the_permissions_are_those_the_profile_page_asks_for() -> None:
    rows = VENDOR.rows("permission", "level", "used for")
    assert [row[:2] for row in rows] == [tuple(pair) for pair in billing.PERMISSIONS]


def test_the_metrics_exist() -> None:
    source = (ROOT / "portal" / "home" / "health.py").read_text("utf-8")
    named = [row[0].partition("{")[0] for row in OPERATOR.rows("metric", "watch for")]
    assert named and all(f'"{name}"' in source for name in named)
    assert source.count("Gauge(") == len(set(named))


def test_the_health_addresses_are_listed() -> None:
    assert [row[0] for row in OPERATOR.rows("address", "says", "who may ask")] == list(health.PATHS)


@pytest.mark.parametrize("kind", ["runtime", "dev"])
def test_every_dependency_has_its_reason(kind: str) -> None:
    wanted = re.findall(r"^([A-Za-z0-9._-]+)", (ROOT / "requirements" / f"{kind}.in").read_text("utf-8"), re.MULTILINE)
    lines = documents.get("docs/dependencies.md").text.splitlines()
    rows = [line.split("|")[1] for line in lines if line.startswith("|")]
    reasons = {name.strip().lower() for row in rows for name in row.split(",")}
    assert {name.lower() for name in wanted if not name.startswith("-")} <= reasons


def test_the_classes_of_the_desk_are_those_of_the_code(app: Flask) -> None:
    with app.test_request_context():
        expected = [(words.of(kind).name, kind) for kind in found.KINDS]
    rows = VENDOR.rows("class", "name in commands", "what it means", "what you do")
    assert [row[:2] for row in rows] == expected
    assert all(len(row) == 4 and all(row) for row in rows)


def test_the_classes_that_wait_for_staff_are_named() -> None:
    text = OPERATOR.text[OPERATOR.text.index("`--repair` reads") : OPERATOR.text.index("It may be stopped")]
    assert set(re.findall(r"`([a-z_]+)`", text)) == remedies.ONLY_BY_STAFF
