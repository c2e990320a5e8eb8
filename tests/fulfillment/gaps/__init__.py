"""“Charged but no key”: the tests of `test_gaps.py`, by topic."""
