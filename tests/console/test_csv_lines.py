"""Cells of exported files."""

from __future__ import annotations

import pytest

from portal.console import csv_lines

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＠SUM(A1)"])
def test_no_cell_is_taken_for_a_formula(cell: str) -> None:
    assert csv_lines.harmless(cell) == f"'{cell}"


def test_other_cells_stay_as_they_are() -> None:
    assert csv_lines.line(["ada@mail.example", "1=1", "", 'say "hi"']) == 'ada@mail.example,1=1,,"say ""hi"""\r\n'
