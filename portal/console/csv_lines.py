"""Lines of the files that staff take along: no cell is taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

# Spreadsheets take some of these for a formula only in some languages, or after dropping a line end.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def line(cells: Sequence[str]) -> str:
    """One line of a CSV file."""
    file = io.StringIO()
    csv.writer(file).writerow([harmless(cell) for cell in cells])
    return file.getvalue()


def harmless(cell: str) -> str:
    """A cell no spreadsheet takes for a formula."""
    return "'" + cell if cell.startswith(FORMULAS) else cell
