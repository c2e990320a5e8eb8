"""A whole run."""

from __future__ import annotations

from portal.stripe_doctor import report
from tests.stripe_doctor.conftest import Clinic


def test_a_new_account_is_told_what_to_do(clinic: Clinic) -> None:
    found = clinic.run()
    print(found)
    assert report.last_of(clinic.vendor_id) == found
