"""People who sign in, and everything they sign in with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal import clock
from portal.database import UtcDateTime
from portal.extensions import db


class User(db.Model):
    """An account: one per person and installation.

    email: as typed; email_key: normalized (case, IDNA), unique. password_hash: Argon2id, empty while the person only
    uses codes.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    language: Mapped[str] = mapped_column(String(10), default="")
    password_hash: Mapped[str] = mapped_column(String(200), default="")
    password_changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    email_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class UserSession(db.Model):
    """A signed-in browser.

    token_digest: SHA-256 of the cookie. vendor_id: the vendor whose console staff chose, else null.
    second_step: how the second factor was shown (`code`, `known_browser`, `off`), empty while it is still missing.
    expires_at moves with use (12 h idle); remember_* hold the rotating 30-day token.
    """

    __tablename__ = "user_sessions"
    __table_args__ = (Index("ix_user_sessions_user_id", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    vendor_id: Mapped[int | None] = mapped_column(ForeignKey("vendors.id"))
    second_step: Mapped[str] = mapped_column(String(20), default="")
    remember_selector: Mapped[str | None] = mapped_column(String(32), unique=True)
    remember_verifier_digest: Mapped[str] = mapped_column(String(64), default="")
    remember_previous_digest: Mapped[str] = mapped_column(String(64), default="")
    remember_rotated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    remember_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    ip: Mapped[str] = mapped_column(String(45), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MailedCode(db.Model):
    """A six-digit code on its way to a mailbox.

    purpose: confirm, sign_in, second_step, reset, associate. browser_digest binds it to the asking browser.
    code_digest: keyed HMAC. facts: sealed JSON the purpose needs when the code comes back (the sign-up, say).
    email_key is kept even where no account exists, so that both cases do the same work.
    """

    __tablename__ = "mailed_codes"
    __table_args__ = (Index("ix_mailed_codes_email_key", "email_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    vendor_id: Mapped[int | None] = mapped_column(ForeignKey("vendors.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    email_key: Mapped[str] = mapped_column(String(320))
    request_digest: Mapped[str] = mapped_column(String(64), unique=True)
    browser_digest: Mapped[str] = mapped_column(String(64))
    code_digest: Mapped[str] = mapped_column(String(64))
    facts: Mapped[str] = mapped_column(Text, default="")
    tries: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class KnownBrowser(db.Model):
    """A browser that has shown a second step before; its cookie spares the next one."""

    __tablename__ = "known_browsers"
    __table_args__ = (Index("ix_known_browsers_user_id", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    trusted: Mapped[bool] = mapped_column(Boolean, default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
