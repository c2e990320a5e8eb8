"""CreateKey parameters in a price's metadata: what is read, and what is refused with which words."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.errors import Invalid
from portal.licenses.create_key import CreateKey, parse
from portal.licenses.keys import derived_key, is_key


def test_nothing_given_is_a_plain_key() -> None:
    assert parse("") == parse(" ") == parse("{}") == CreateKey()


def test_names_are_read_in_any_case_and_values_as_text_too() -> None:
    plan = parse('{"productid": "3", "PERIOD": "30", "f1": "True", "F2": 0, "maxnoofmachines": 5, "Block": false}')

    assert plan == CreateKey(product_id=3, period=30, features={"f1": True, "f2": False}, max_no_of_machines=5)
    assert parse('{"quantity": "machines"}').quantity == "machines"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "JSON"),
        ("[]", "JSON object"),
        ("[" * 5000, "JSON"),
        ('{"F9": true}', "f9"),
        ('{"F1": "maybe"}', "F1"),
        ('{"F1": 2}', "F1"),
        ('{"Period": -1}', "Period"),
        ('{"Period": 1.5}', "Period"),
        ('{"Period": true}', "Period"),
        ('{"Period": "99999999999999"}', "Period"),
        ('{"ProductId": 0}', "ProductId"),
        ('{"Notes": 5}', "Notes"),
        ('{"Notes": "\\u0000"}', "Notes"),
        ('{"MaxNoOfMachines": "many"}', "MaxNoOfMachines"),
        ('{"quantity": "users"}', "quantity"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_name(app: Flask, text: str, named: str) -> None:
    with app.test_request_context(), pytest.raises(Invalid, match=named) as refused:
        parse(text)
    assert refused.value.field == "skm"


def test_a_derived_key_is_the_same_for_the_same_facts_and_no_other() -> None:
    seed = b"s" * 32
    keys = {derived_key(seed, 1, "si_1", number, 0) for number in range(200)}

    assert len(keys) == 200
    assert all(is_key(key) for key in keys)
    assert derived_key(seed, 1, "si_1", 0, 0) in keys
    assert derived_key(b"t" * 32, 1, "si_1", 0, 0) not in keys
    assert derived_key(seed, 1, "si_1", 0, 1) not in keys
