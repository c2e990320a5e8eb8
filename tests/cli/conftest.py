"""Commands run as an operator runs them: their own app, made from the environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from portal import cli
from portal.extensions import db
from tests.support import databases


class Latchkey:
    """`latchkey` on the test's database."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def run(self, *arguments: object, status: int = 0, typed: str | None = None) -> Result:
        """Run a command and assert its exit status."""
        db.session.commit()
        words = [str(word) for word in arguments]
        result = CliRunner().invoke(cli.cli, words, env=self.environment, input=typed)
        assert result.exit_code == status, f"{words}: {result.exit_code}\n{result.output}\n{result.exception!r}"
        db.session.expire_all()
        return result

    def facts(self, *arguments: object, typed: str | None = None) -> dict[str, Any]:
        """The JSON object a command prints."""
        return json.loads(self.run(*arguments, "--json", typed=typed).stdout)

    def refusal(self, *arguments: object) -> str:
        """The one line a command fails with."""
        result = self.run(*arguments, status=1)
        assert result.stderr.count("\n") == 1, result.stderr
        assert not result.stdout
        return result.stderr.strip().removeprefix("Error: ")


@pytest.fixture
def latchkey(app: Flask, database_url: str, tmp_path: Path) -> Latchkey:
    """Run commands on the database of this test."""
    return Latchkey(databases.environment(database_url, tmp_path))


@pytest.fixture
def runner_of() -> Callable[[dict[str, str]], Latchkey]:
    """For commands in another environment."""
    return Latchkey
