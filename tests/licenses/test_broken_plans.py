"""What is rescued of a plan that is not right."""

from __future__ import annotations

from typing import Any

import pytest

from portal.licenses import broken_plans
from portal.licenses.create_key import CreateKey


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("{Period: 30}", {"period": 30}),
        ("Period: 30, F1: True", {"period": 30, "features": {"f1": True}}),
        ("{'Period': 30, 'Notes': 'from the shop',}", {"period": 30, "notes": "from the shop"}),
        ("{“MaxNoOfMachines”: “2”}", {"max_no_of_machines": 2}),
        ('{"F1": true', {"features": {"f1": True}}),
        ('{"Colour": 1, "Period": 30}', {"period": 30}),
        ('{"Period": -5, "F2": 1}', {"features": {"f2": True}}),
        ('{"quantity": "both", "MaxNoOfMachines": 3}', {"max_no_of_machines": 3}),
        ("30 days", {}),
        ("[30]", {}),
        ("", {}),
        ("{" * 500, {}),
        ("{Period: 30}" + " " * 500, {}),
    ],
)
def test_only_what_needs_no_guess_is_taken(text: str, fields: dict[str, Any]) -> None:
    assert broken_plans.rescue(text) == CreateKey(**fields)
