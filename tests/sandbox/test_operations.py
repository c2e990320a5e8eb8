"""The table of operations against Stripe's description: no path and no parameter is invented."""

import re

import pytest

from portal.sandbox import resources
from portal.sandbox.operations import TABLE, Operation
from tests.support import stripe_description as stripe

resources.load()


def names(schema: dict) -> set[str]:
    """The top-level parameters that a schema describes."""
    return set(schema["properties"])


@pytest.mark.parametrize("operation", TABLE, ids=lambda entry: f"{entry.method} {entry.path}")
def test_every_operation_is_one_of_stripes(operation: Operation):
    path = re.sub(r"<\w+>", "x_1", operation.path)
    described = stripe.described_path(operation.method, path)
    assert described, "Stripe has no such path"
    known = names(stripe.request_schema(operation.method.lower(), described))
    accepted = set(operation.fields) - ({"expand"} if "expand" not in known else set())

    assert accepted <= known
    assert set(operation.required) <= set(operation.fields)


def test_no_operation_stands_twice():
    places = [(entry.method, entry.path) for entry in TABLE]

    assert len(places) == len(set(places))
