"""Which addresses may be shown as a vendor's terms."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.data_objects.reserved import is_safe_terms_url

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.example/terms",
        "https://acme.example",
        "https://acme.example:8443/terms?version=2&lang=de#part-3",
        "HTTPS://ACME.example/Terms",
        "https://xn--bcher-kva.example/agb",
        "https://192.0.2.7/terms",
        "https://[2001:db8::1]/terms",
        "http://localhost/terms",
        "http://localhost:8000/terms",
        "http://127.0.0.1:5000/terms",
        "http://[::1]:5000/terms",
        "https://a.example/" + "x" * (2000 - 18),
    ],
)
def test_absolute_https_is_taken_and_http_on_this_machine(url: str) -> None:
    assert is_safe_terms_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "terms",
        "/terms",
        "//acme.example/terms",
        "http://acme.example/terms",
        "http://127.0.0.1.evil.example/terms",
        "http://localhost.evil.example/terms",
        "http://localhost@evil.example/terms",
        "https://user:password@acme.example/",
        "https://user@acme.example/",
        "https://",
        "https:///terms",
        "https:acme.example",
        "https:/acme.example",
        "https://.example/",
        "https://acme..example/",
        "https://acme.example:99999/",
        "https://acme.example:x/",
        "https://acme.example:/",
        "https://[::1/",
        "https://acme.example/\n",
        " https://acme.example/",
        "https://acme.example/a b",
        "https://acme.example/\t",
        "https://acme.example\\@evil.example/",
        'https://acme.example/"onclick="x',
        "https://acme.example/<script>",
        "https://bücher.example/",
        "https://acme.example/é",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)//https://x",
        "data:text/html,x",
        "ftp://acme.example/terms",
        "file:///etc/passwd",
        "https://acme.example/\0",
        "https://a.example/" + "x" * (2001 - 18),
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    assert not is_safe_terms_url(url)


@given(st.text(max_size=60) | st.from_regex(r"(https?|javascript|data):[/\\]{0,3}.{0,40}", fullmatch=True))
def test_what_is_taken_is_always_a_plain_absolute_address(url: str) -> None:
    if is_safe_terms_url(url):
        parts = urlsplit(url)
        assert parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")
        assert parts.hostname and parts.username is None and url.isascii() and url.isprintable()
