"""The examples of the guides run as they stand, one after the other, on a fresh installation."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from portal.cli import cli
from tests.docs import documents
from tests.support import databases
from tests.support.sandbox_server import running_sandbox

pytestmark = pytest.mark.sqlite_only

TYPED = {"--owner-password": "seven quiet lanterns", "--api-key": "rk_test_fromTheGuide"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Settings of an installation without a database, beside a sandbox Stripe."""
    folder: Path = tmp_path_factory.mktemp("installation")
    with running_sandbox() as sandbox:
        url = f"sqlite:///{folder / 'latchkey.sqlite3'}"
        yield databases.environment(url, folder, LATCHKEY_STRIPE_API_BASE=sandbox.url)


def examples() -> list[str]:
    """The calls of `latchkey` in the code blocks of both guides, and those in the vendor guide's running text."""
    guides = [documents.get(f"docs/{name}-guide.md") for name in ("operator", "vendor")]
    lines = [line for guide in guides for line in guide.shell_lines]
    lines += [span for span in guides[1].spans if "--" in span]
    return [line for line in lines if line.startswith("latchkey ") and "NAME=VALUE" not in line]


def test_every_example_of_the_guides_runs(environment: dict[str, str]) -> None:
    ran = examples()
    assert len(ran) > 10
    for line in ran:
        words = shlex.split(line.replace("…", "test_example"))[1:]
        typed = next((TYPED[option] for option, value in itertools.pairwise(words) if value == "-"), None)
        result = CliRunner().invoke(cli, words, env=environment, input=typed and f"{typed}\n")
        assert result.exit_code == 0, f"{line}\n{result.output}"
