"""Where mail goes: an SMTP server, one file per message, or the console. Chosen by LATCHKEY_MAIL_URL."""

from __future__ import annotations

import os
import smtplib
import ssl
import sys
from email.message import EmailMessage
from email.policy import SMTPUTF8
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from portal.config import LOOPBACK

TIMEOUT_SECONDS = 20


class Refused(Exception):
    """The server will never take this message (a 5xx answer): trying again does not help."""


def send(message: EmailMessage, mail_url: str) -> None:
    """Hand a message over. Returns once the other side has taken it; raises OSError, SMTPException or Refused."""
    target = urlsplit(mail_url)
    {"smtp": _by_smtp, "smtps": _by_smtp, "file": _to_file, "console": _to_console}[target.scheme](message, target)


def check(mail_url: str) -> str:
    """Try the transport without sending; one sentence says what was reached. Raises OSError or SMTPException."""
    target = urlsplit(mail_url)
    if target.scheme == "console":
        return "Mail is printed on the console."
    if target.scheme == "file":
        folder = folder_of(mail_url)
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError("The folder for mail cannot be written.")
        return "Mail is written to files."
    with _connect(target) as server:
        server.noop()
    return f"The mail server {target.hostname} answers."


def folder_of(mail_url: str) -> Path:
    """The folder behind a `file:` address."""
    return Path(unquote(urlsplit(mail_url).path))


def _by_smtp(message: EmailMessage, target: SplitResult) -> None:
    with _connect(target) as server:
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, answer = next(iter(error.recipients.values()))
            _raise(code, answer, error)
        except smtplib.SMTPResponseException as error:
            _raise(error.smtp_code, error.smtp_error, error)


def _raise(code: int, answer: bytes | str, error: smtplib.SMTPException) -> None:
    if 500 <= code < 600:
        text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
        raise Refused(f"{code} {text}") from error
    raise error


def _connect(target: SplitResult) -> smtplib.SMTP:
    host = target.hostname or "localhost"
    context = ssl.create_default_context()
    if target.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, target.port or 465, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, target.port or 587, timeout=TIMEOUT_SECONDS)
    try:
        _prepare(server, target, context)
    except BaseException:
        server.close()
        raise
    return server


def _prepare(server: smtplib.SMTP, target: SplitResult, context: ssl.SSLContext) -> None:
    """Encrypt where the server offers it (a server on this machine has no certificate to show), then sign in."""
    here = target.hostname in LOOPBACK
    encrypted = target.scheme == "smtps"
    server.ehlo()
    if not encrypted and not here and server.has_extn("starttls"):
        server.starttls(context=context)
        server.ehlo()
        encrypted = True
    if target.username:
        if not encrypted and not here:
            raise smtplib.SMTPNotSupportedError("The mail server offers no encryption; the password was not sent.")
        server.login(unquote(target.username), unquote(target.password or ""))


def _to_file(message: EmailMessage, target: SplitResult) -> None:
    folder = folder_of(target.geturl())
    folder.mkdir(parents=True, exist_ok=True)
    stamp = message["Date"].datetime.strftime("%Y%m%dT%H%M%S")
    name = f"{stamp}-{str(message['Message-ID']).strip('<>').partition('@')[0]}"
    unfinished = folder / f".{name}.part"
    unfinished.write_bytes(message.as_bytes(policy=SMTPUTF8))
    unfinished.replace(folder / f"{name}.eml")


def _to_console(message: EmailMessage, target: SplitResult) -> None:
    text = message.get_body(("plain",))
    body = text.get_content() if text else ""
    sys.stdout.write(f"--- mail to {message['To']}: {message['Subject']}\n{body}---\n")
    sys.stdout.flush()
