"""Commands and make targets that the documents name exist, with the options they show."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from portal.cli import cli
from tests.architecture.source import ROOT
from tests.docs import documents
from tests.docs.documents import Document

pytestmark = pytest.mark.sqlite_only

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
CONTEXT = click.Context(cli)


def written_commands(document: Document) -> list[str]:
    """Everything that looks like a call of `latchkey`."""
    lines = [*document.shell_lines, *document.spans]
    return [line for line in lines if re.match(r"latchkey( |$)", line) and not re.search("COMMAND|…$", line)]


def look_up(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command these words call, and the words left for it."""
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(CONTEXT, words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    return command, words


def all_commands(group: click.Group, path: str = "latchkey") -> list[str]:
    """Every command below a group, by its full name."""
    names: list[str] = []
    for name in group.list_commands(CONTEXT):
        command = group.get_command(CONTEXT, name)
        below = all_commands(command, f"{path} {name}") if isinstance(command, click.Group) else [f"{path} {name}"]
        names += below
    return names


@pytest.mark.parametrize("document", documents.everything(), ids=str)
def test_every_named_command_exists_with_its_options(document: Document) -> None:
    for line in written_commands(document):
        command, words = look_up(shlex.split(line)[1:])
        known = {name for option in command.params for name in option.opts} | {"--help"}
        for word in words:
            if word.startswith("--"):
                assert word in known, line


def test_the_operator_guide_lists_every_command() -> None:
    guide = " ".join(documents.get("docs/operator-guide.md").spans)
    missing = [name for name in all_commands(cli) if name not in guide]
    assert not missing


@pytest.mark.parametrize("document", documents.everything(), ids=str)
def test_every_named_make_target_exists(document: Document) -> None:
    named = {
        word for line in [*document.shell_lines, *document.spans] for word in re.findall(r"\bmake ([a-z-]+)", line)
    }
    assert named <= TARGETS
