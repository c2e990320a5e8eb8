"""Lines of the files that staff take along: no cell is taken for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

# Spreadsheets take some of these for a formula only in some languages, or after dropping a line end.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# In many languages a spreadsheet splits cells at semicolons: there, too, none may begin with a formula.
_AFTER_ANOTHER_SEPARATOR = re.compile(r"""([;\t|][\s"']*)(?=[=+\-@＝＋－＠])""")


def line(cells: Sequence[str]) -> str:
    """One line of a CSV file."""
    file = io.StringIO()
    csv.writer(file).writerow([harmless(cell) for cell in cells])
    return file.getvalue()


def harmless(cell: str) -> str:
    """A cell no spreadsheet takes for a formula."""
    cell = _AFTER_ANOTHER_SEPARATOR.sub(r"\1'", cell)
    return "'" + cell if cell.startswith(FORMULAS) else cell
