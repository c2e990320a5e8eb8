"""`next` values stay on this site; addresses are compared normalized."""

from __future__ import annotations

import pytest

from portal import addresses, email_addresses
from portal.errors import Invalid
from portal.forms import has_odd_characters

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize("text", ["/Customer", "/Portal/@a.example/Licenses?x=1", "/a/b#c"])
def test_a_path_of_this_site_is_taken(text: str) -> None:
    assert addresses.safe_next(text) == text


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "https://evil.example",
        "//evil.example",
        "/\t/evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
    ]
    + ["/\n/evil.example", "/é", "evil", "/" + "a" * 3000, "///evil.example", " /x", "/\x00"],
)
def test_everything_else_is_not(text: str | None) -> None:
    assert addresses.safe_next(text) is None


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("Ada@Example.COM ", "ada@example.com"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("a+b@x.example", "a+b@x.example"),
    ],
)
def test_an_address_is_compared_without_case_and_in_ascii(app: object, typed: str, key: str) -> None:
    assert email_addresses.read(typed).key == key


@pytest.mark.parametrize(
    "typed",
    ["", "ada", "ada@", "@x.example", "a b@x.example", "a@x.example\nBcc: b@x.example", "a" * 400 + "@x.example"],
)
def test_what_is_no_address_is_refused_next_to_its_field(app: object, typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        email_addresses.read(typed)
    assert refused.value.field == "email"


@pytest.mark.parametrize(
    ("text", "odd"), [("Zoë 日本", False), ("a\nb\tc", False), ("a\x00", True), ("\ud800", True), ("\x1b[0m", True)]
)
def test_odd_characters_are_known(text: str, odd: bool) -> None:
    assert has_odd_characters(text) is odd
