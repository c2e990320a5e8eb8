"""Sealed secrets and signed texts cannot be forged, moved or respelled."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import clock, crypto, signed_links

pytestmark = pytest.mark.sqlite_only


def test_a_sealed_secret_opens_only_where_it_belongs(app: Flask) -> None:
    sealed = crypto.seal("sk_test_1", "stripe:1")

    assert crypto.open_sealed(sealed, "stripe:1") == "sk_test_1"
    assert "sk_test_1" not in sealed
    with pytest.raises(crypto.SealBroken):
        crypto.open_sealed(sealed, "stripe:2")


@pytest.mark.parametrize("text", ["", "v1", "v1:aaaa:bbbb", "v2:x:y", "v1:a:é"])
def test_what_is_not_sealed_does_not_open(app: Flask, text: str) -> None:
    with pytest.raises(crypto.SealBroken):
        crypto.open_sealed(text, "stripe:1")


def test_after_a_key_change_old_secrets_open_and_new_ones_use_the_new_key(app: Flask) -> None:
    old = app.extensions["settings"]
    sealed = crypto.seal("secret", "a")
    app.extensions["settings"] = replace(old, encryption_keys=(b"n" * 32, *old.encryption_keys))
    try:
        assert crypto.open_sealed(sealed, "a") == "secret"
        assert crypto.seal("secret", "a").split(":")[1] == crypto.key_id(b"n" * 32)
        app.extensions["settings"] = replace(old, encryption_keys=(b"n" * 32,))
        with pytest.raises(crypto.SealBroken, match=crypto.key_id(old.encryption_keys[0])):
            crypto.open_sealed(sealed, "a")
    finally:
        app.extensions["settings"] = old


def test_a_signed_text_is_the_same_every_time_and_reads_back(app: Flask) -> None:
    facts = {"aud": 2, "id": 7, "nonce": "abc"}

    assert signed_links.sign("associate", facts) == signed_links.sign("associate", dict(reversed(facts.items())))
    assert signed_links.read("associate", signed_links.sign("associate", facts), audience=2) == facts


def test_a_signed_text_is_good_for_one_purpose_one_audience_and_its_time(app: Flask) -> None:
    text = signed_links.sign("associate", {"aud": 2, "exp": clock.unix() + 60})

    assert signed_links.read("reset", text, audience=2) is None
    assert signed_links.read("associate", text, audience=3) is None
    assert signed_links.read("associate", signed_links.sign("associate", {"aud": 2, "exp": clock.unix() - 1})) is None


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 200), letter=st.characters(codec="utf-8"), insert=st.booleans())
def test_no_altered_text_verifies(app: Flask, position: int, letter: str, insert: bool) -> None:
    text = signed_links.sign("associate", {"aud": 2, "id": 7})
    at = position % (len(text) + 1)
    altered = text[:at] + letter + text[at if insert else at + 1 :]

    assert altered == text or signed_links.read("associate", altered, audience=2) is None


@pytest.mark.parametrize("ending", ["=", "==", "A", ".", " ", "\n", "é", "%3D"])
def test_a_second_spelling_is_refused(app: Flask, ending: str) -> None:
    text = signed_links.sign("associate", {"aud": 2, "id": 7})

    assert signed_links.read("associate", text + ending) is None


def test_a_code_matches_only_its_purpose(app: Flask) -> None:
    stored = crypto.keyed_digest("123456", "confirm")

    assert crypto.matches("123456", "confirm", stored)
    assert not crypto.matches("123457", "confirm", stored)
    assert not crypto.matches("123456", "reset", stored)
