"""Who may import whom (docs/architecture.md, “Two import rules”)."""

from __future__ import annotations

import pytest

from tests.architecture.source import EDGE_PACKAGES, LEVEL_OF, Source, calls, sources

pytestmark = pytest.mark.sqlite_only


def _offences(check: object) -> list[str]:
    return [f"{source.name}: {found}" for source in sources() for found in check(source)]  # type: ignore[operator]


def test_services_and_models_import_only_from_their_own_package_or_a_lower_level() -> None:
    def check(source: Source) -> list[str]:
        level = LEVEL_OF.get(source.package)
        if level is None or source.is_edge:
            return []
        others = source.portal_packages() - {source.package}
        return [other for other in others if other in EDGE_PACKAGES or LEVEL_OF.get(other, 0) >= level]

    assert not _offences(check)


def test_the_kernel_imports_no_feature() -> None:
    allowed = {"addresses": set(), "error_pages": set()}

    def check(source: Source) -> list[str]:
        if source.package in LEVEL_OF or source.is_edge or "." in source.name:
            return []
        known = allowed.get(source.name, set())
        return sorted(other for other in source.portal_packages() if other in LEVEL_OF and other not in known)

    # throttle keeps its counters in the account package's table
    assert [offence for offence in _offences(check) if offence != "throttle: account"] == []


def test_an_edge_imports_no_other_features_views() -> None:
    def check(source: Source) -> list[str]:
        if not source.is_edge:
            return []
        views = {
            name for name in source.imports() if name.startswith("portal.") and name.split(".")[-1].endswith("views")
        }
        return [name for name in views if name.split(".")[1] != source.package]

    assert not _offences(check)


def test_the_sandbox_and_the_rest_know_nothing_of_each_other() -> None:
    def check(source: Source) -> list[str]:
        packages = source.portal_packages()
        if source.package == "sandbox":
            return sorted(packages - {"sandbox"})
        return sorted(packages & {"sandbox"})

    assert not _offences(check)


def test_only_the_gateway_imports_stripe() -> None:
    def check(source: Source) -> list[str]:
        if source.name.startswith("billing.gateway"):
            return []
        return [name for name in source.imports() if name.split(".")[0] == "stripe"]

    assert not _offences(check)


def test_only_config_reads_the_environment() -> None:
    def check(source: Source) -> list[str]:
        return [
            word for word in ("os.environ", "os.getenv", "getenv(") if word in source.text and source.name != "config"
        ]

    assert not _offences(check)


def test_only_the_clock_asks_for_the_time() -> None:
    asked = {"datetime.now", "datetime.utcnow", "time.time", "time.monotonic", "date.today", "datetime.today"}

    def check(source: Source) -> list[str]:
        allowed = source.name in ("clock", "sandbox.clock")
        return [] if allowed else sorted(set(calls(source)) & asked)

    assert not _offences(check)


def test_only_edges_commit() -> None:
    allowed = {"unit_of_work", "outbox.worker", "webhooks.service"}

    def check(source: Source) -> list[str]:
        if source.is_edge or source.name in allowed:
            return []
        return [name for name in calls(source) if name.endswith(".commit") or name == "commit"]

    assert not _offences(check)


def test_there_are_no_modules_that_collect_everything() -> None:
    banned = ("util", "utils", "helper", "helpers", "manager", "misc", "common", "repository", "base")
    assert not [source.name for source in sources() if source.path.stem in banned]
