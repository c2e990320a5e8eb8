"""Settings are read once and refuse what is unsafe."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal import config
from tests.support.databases import SECRETS

pytestmark = pytest.mark.sqlite_only
PRODUCTION = {
    **SECRETS,
    "LATCHKEY_BASE_URL": "https://portal.example.com",
    "LATCHKEY_MAIL_URL": "smtp://localhost:25",
    "LATCHKEY_MAIL_FROM": "portal@example.com",
}


def test_production_is_the_default_and_complete_settings_are_taken(tmp_path: Path) -> None:
    settings = config.from_environment({**PRODUCTION, "LATCHKEY_DATA_DIR": str(tmp_path)})

    assert settings.env == "production"
    assert settings.secure
    assert settings.host == "portal.example.com"
    assert settings.database_url == f"sqlite:///{tmp_path}/latchkey.sqlite3"


@pytest.mark.parametrize("name", ["LATCHKEY_SECRET_KEY", "LATCHKEY_ENCRYPTION_KEY", *list(PRODUCTION)[2:]])
def test_production_does_not_start_without(name: str) -> None:
    with pytest.raises(config.SettingsError, match=name):
        config.from_environment({key: value for key, value in PRODUCTION.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LATCHKEY_ENV", "staging"),
        ("LATCHKEY_SECRET_KEY", "short"),
        ("LATCHKEY_ENCRYPTION_KEY", "bm90IDMyIGJ5dGVz"),
        ("LATCHKEY_ENCRYPTION_KEY", "not base64!"),
        ("LATCHKEY_BASE_URL", "http://portal.example.com"),
        ("LATCHKEY_BASE_URL", "https://portal.example.com/path"),
        ("LATCHKEY_BASE_URL", "portal.example.com"),
        ("LATCHKEY_MAIL_URL", "https://mail.example.com"),
        ("LATCHKEY_MAIL_FROM", "no address"),
        ("LATCHKEY_MAIL_FROM", "a@b.example\r\nBcc: c@d.example"),
        ("LATCHKEY_TRUSTED_PROXIES", "-1"),
        ("LATCHKEY_TRUSTED_PROXIES", "١"),
        ("LATCHKEY_STRIPE_API_BASE", "https://stripe.evil.example"),
        ("LATCHKEY_DATABASE_URL", "mysql://localhost/x"),
        ("LATCHKEY_LOG", "xml"),
        ("LATCHKEY_FAILPOINTS", "gateway.call.after=kill"),
    ],
)
def test_an_unsafe_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(config.SettingsError, match=name):
        config.from_environment({**PRODUCTION, name: value})


@pytest.mark.parametrize("env", ["demo", "test"])
def test_what_shows_everybodys_mail_stays_on_this_machine(env: str) -> None:
    with pytest.raises(config.SettingsError, match="on this machine"):
        config.from_environment({**PRODUCTION, "LATCHKEY_ENV": env})

    here = {**PRODUCTION, "LATCHKEY_ENV": env, "LATCHKEY_BASE_URL": "http://127.0.0.1:8000"}
    assert config.from_environment(here).env == env


def test_settings_never_print_their_secrets() -> None:
    text = repr(config.from_environment(PRODUCTION))

    assert SECRETS["LATCHKEY_SECRET_KEY"] not in text
    assert "encryption_keys" not in text


def test_every_setting_is_documented() -> None:
    source = Path(config.__file__).read_text("utf-8")
    read = {word.split('"')[1] for word in source.split("given.get(")[1:]}

    assert read == set(config.documentation())
