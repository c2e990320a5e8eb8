"""Cells of exported files."""

from __future__ import annotations

import csv
import io

import pytest

from portal.console import csv_lines

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠SUM(A1)"])
def test_no_cell_is_taken_for_a_formula(cell: str) -> None:
    found = csv_lines.harmless(cell)

    assert found.startswith("'")
    assert found.replace("'", "") == cell


@pytest.mark.parametrize("name", ["Ada;=1+1", "Ada; +1", 'Ada;"=1', "Ada|@SUM(A1)", "Ada\t=1", "=1;=2"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_part_of_a_cell_is_one_wherever_the_program_splits(name: str, separator: str) -> None:
    """Spreadsheets split at semicolons in languages that write 1,5 for one and a half."""
    [row] = csv.reader(io.StringIO(csv_lines.line(["ada@mail.example", name])), delimiter=separator)

    assert not [cell for cell in row if cell.strip(' "').startswith(csv_lines.FORMULAS)]


def test_other_cells_stay_as_they_are() -> None:
    assert csv_lines.line(["ada@mail.example", "1=1", "", 'say "hi"']) == 'ada@mail.example,1=1,,"say ""hi"""\r\n'
