"""Typed settings, read and checked once at start. No other module reads the environment."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from portal.failpoints import Wish, parse

ENVIRONMENTS = ("production", "demo", "test")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SettingsError(Exception):
    """A setting is missing or unsafe; the sentence says which and how to mend it."""


@dataclass(frozen=True)
class Settings:
    """Everything an installation can choose; `documentation()` lists the meanings."""

    env: str
    data_dir: Path
    database_url: str
    secret_keys: tuple[str, ...] = field(repr=False)
    encryption_keys: tuple[bytes, ...] = field(repr=False)
    base_url: str
    mail_url: str = field(repr=False)
    mail_from: str
    redis_url: str | None = field(repr=False, default=None)
    trusted_proxies: int = 0
    stripe_api_base: str | None = None
    metrics_token: str | None = field(repr=False, default=None)
    log: str = "text"
    failpoints: tuple[Wish, ...] = ()

    @property
    def host(self) -> str:
        """Host and port of the public address, as a browser sends it."""
        return urlsplit(self.base_url).netloc

    @property
    def secure(self) -> bool:
        """Whether the public address is https (loopback may be plain http)."""
        return self.base_url.startswith("https://")

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")

    @property
    def sandbox_origin(self) -> str | None:
        """Origin of the sandbox Stripe, when one is used."""
        return self.stripe_api_base


DOCUMENTATION = {
    "LATCHKEY_ENV": "production (default); demo or test, on this machine only; failpoints are refused in production",
    "LATCHKEY_DATABASE_URL": "database; SQLite under the data dir by default, postgresql+psycopg://… for PostgreSQL",
    "LATCHKEY_DATA_DIR": "where the SQLite file and the demo's keys live (default ./instance)",
    "LATCHKEY_SECRET_KEY": "signing keys, comma list: the first signs, all verify; at least 32 characters each",
    "LATCHKEY_ENCRYPTION_KEY": "base64 of 32 bytes, comma list: the first encrypts, all decrypt",
    "LATCHKEY_BASE_URL": "public origin, used for every absolute link; https outside loopback",
    "LATCHKEY_MAIL_URL": "smtp://user:pass@host:port, smtps://…, file:/dir or console:",
    "LATCHKEY_MAIL_FROM": "sender address of every mail",
    "LATCHKEY_REDIS_URL": "throttling across machines; the database is used without it",
    "LATCHKEY_TRUSTED_PROXIES": "how many proxies in front may set X-Forwarded-* (default 0)",
    "LATCHKEY_STRIPE_API_BASE": "another Stripe address, for tests and the sandbox only; refused for a live key",
    "LATCHKEY_METRICS_TOKEN": "bearer token that may read /metrics; without it only loopback may",
    "LATCHKEY_LOG": "text (default) or json",
    "LATCHKEY_FAILPOINTS": "where the process dies on purpose, for tests only: name=kill@3, comma list",
}


def demo_data_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Where `latchkey demo` keeps its things unless told otherwise."""
    given = os.environ if environ is None else environ
    return Path(given.get("LATCHKEY_DATA_DIR") or "instance/demo").absolute()


def documentation() -> dict[str, str]:
    """Name and meaning of every setting, in reading order."""
    return dict(DOCUMENTATION)


def from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings. Raises SettingsError with one clear sentence."""
    given = os.environ if environ is None else environ
    env = given.get("LATCHKEY_ENV", "production")
    if env not in ENVIRONMENTS:
        raise SettingsError(f"LATCHKEY_ENV must be one of {', '.join(ENVIRONMENTS)}, not {env!r}.")
    data_dir = Path(given.get("LATCHKEY_DATA_DIR", "instance")).absolute()
    settings = Settings(
        env=env,
        data_dir=data_dir,
        database_url=given.get("LATCHKEY_DATABASE_URL") or f"sqlite:///{data_dir / 'latchkey.sqlite3'}",
        secret_keys=_secret_keys(given.get("LATCHKEY_SECRET_KEY", "")),
        encryption_keys=_encryption_keys(given.get("LATCHKEY_ENCRYPTION_KEY", "")),
        base_url=_base_url(given.get("LATCHKEY_BASE_URL", ""), env),
        mail_url=_mail_url(given.get("LATCHKEY_MAIL_URL", ""), env),
        mail_from=_mail_from(given.get("LATCHKEY_MAIL_FROM", ""), env),
        redis_url=given.get("LATCHKEY_REDIS_URL") or None,
        trusted_proxies=_count(given.get("LATCHKEY_TRUSTED_PROXIES", "0"), "LATCHKEY_TRUSTED_PROXIES"),
        stripe_api_base=_stripe_api_base(given.get("LATCHKEY_STRIPE_API_BASE", "")),
        metrics_token=given.get("LATCHKEY_METRICS_TOKEN") or None,
        log=_choice(given.get("LATCHKEY_LOG", "text"), ("text", "json"), "LATCHKEY_LOG"),
        failpoints=_failpoints(given.get("LATCHKEY_FAILPOINTS", ""), env),
    )
    _check_database(settings)
    return settings


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _secret_keys(text: str) -> tuple[str, ...]:
    keys = tuple(_split(text))
    if not keys:
        raise SettingsError(
            "LATCHKEY_SECRET_KEY is missing. Make one: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    if any(len(key) < 32 for key in keys):
        raise SettingsError("LATCHKEY_SECRET_KEY is too short: each key needs at least 32 characters.")
    return keys


def _encryption_keys(text: str) -> tuple[bytes, ...]:
    keys = []
    for part in _split(text):
        try:
            key = base64.b64decode(part, validate=True)
        except (binascii.Error, ValueError) as error:
            raise SettingsError("LATCHKEY_ENCRYPTION_KEY is not base64.") from error
        if len(key) != 32:
            raise SettingsError(f"LATCHKEY_ENCRYPTION_KEY must hold 32 bytes in base64, not {len(key)}.")
        keys.append(key)
    if not keys:
        raise SettingsError("LATCHKEY_ENCRYPTION_KEY is missing. Make one: openssl rand -base64 32")
    return tuple(keys)


def _base_url(text: str, env: str) -> str:
    if not text:
        if env == "production":
            raise SettingsError("LATCHKEY_BASE_URL is missing: the public address, such as https://portal.example.com")
        return "http://127.0.0.1:8000"
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise SettingsError("LATCHKEY_BASE_URL must be an origin such as https://portal.example.com, without a path.")
    if parts.hostname not in LOOPBACK and env != "production":
        raise SettingsError(
            f"LATCHKEY_BASE_URL must be on this machine while LATCHKEY_ENV is {env}: its pages show everybody's mail."
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise SettingsError("LATCHKEY_BASE_URL must be https outside loopback.")
    return f"{parts.scheme}://{parts.netloc}"


def _mail_url(text: str, env: str) -> str:
    if not text:
        if env == "production":
            raise SettingsError("LATCHKEY_MAIL_URL is missing: sign-in codes cannot be sent without mail.")
        return "console:"
    if urlsplit(text).scheme not in ("smtp", "smtps", "file", "console"):
        raise SettingsError("LATCHKEY_MAIL_URL must start with smtp:, smtps:, file: or console:.")
    return text


def _mail_from(text: str, env: str) -> str:
    if not text and env == "production":
        raise SettingsError("LATCHKEY_MAIL_FROM is missing: the sender address of every mail.")
    if text and ("@" not in text or any(ord(letter) < 32 for letter in text)):
        raise SettingsError("LATCHKEY_MAIL_FROM is not an e-mail address.")
    return text or "latchkey@localhost"


def _count(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 10:
        raise SettingsError(f"{name} must be a small whole number.")
    return int(text)


def _choice(text: str, choices: tuple[str, ...], name: str) -> str:
    if text not in choices:
        raise SettingsError(f"{name} must be one of {', '.join(choices)}.")
    return text


def _stripe_api_base(text: str) -> str | None:
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or parts.hostname not in LOOPBACK or parts.path.strip("/"):
        raise SettingsError(
            "LATCHKEY_STRIPE_API_BASE must be an origin on this machine, such as http://127.0.0.1:8001."
        )
    return f"{parts.scheme}://{parts.netloc}"


def _failpoints(text: str, env: str) -> tuple[Wish, ...]:
    if text and env == "production":
        raise SettingsError("LATCHKEY_FAILPOINTS is for tests: it is refused in production.")
    try:
        return parse(text)
    except ValueError as error:
        raise SettingsError(f"LATCHKEY_FAILPOINTS: {error}") from error


def _check_database(settings: Settings) -> None:
    scheme = settings.database_url.split(":", 1)[0]
    if scheme not in ("sqlite", "postgresql+psycopg"):
        raise SettingsError("LATCHKEY_DATABASE_URL must start with sqlite: or postgresql+psycopg:.")
