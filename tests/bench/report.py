"""What a bench found: one line a figure, with its aim where there is one, printed as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One figure. most, least: the aim; without either the figure is for information."""

    what: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None

    @property
    def verdict(self) -> str:
        """`ok`, `miss`, or nothing without an aim."""
        if self.most is None and self.least is None:
            return ""
        is_met = self.value <= self.most if self.most is not None else self.value >= (self.least or 0)
        return "ok" if is_met else "miss"

    @property
    def aim(self) -> str:
        """The aim as the table shows it."""
        if self.most is not None:
            return f"≤ {number(self.most)}"
        return f"≥ {number(self.least)}" if self.least is not None else ""


def show(title: str, note: str, lines: Iterable[Line]) -> None:
    """Print one group."""
    print(f"\n{title}")
    if note:
        print(f"  {note}")
    print(f"  {'':52} {'measured':>12} {'':10} {'aim':>9}")
    for line in lines:
        print(f"  {line.what:52} {number(line.value):>12} {line.unit:10} {line.aim:>9}  {line.verdict}", flush=True)


def number(value: float) -> str:
    """A figure with as many digits as say something."""
    if value != value:
        return "-"
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"
