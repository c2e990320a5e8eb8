"""A queued mail becomes a message no name can break, and reaches files, the console and SMTP servers."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from portal import clock
from portal.errors import Invalid
from portal.outbox import service as outbox
from portal.outbox.mail import message, rendering, transports
from portal.vendors import service as vendors
from tests.support.mailbox import sent_mails


class Inbox:
    """An SMTP server's handler that keeps what arrives, or refuses."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.refuse_with = ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.refuse_with:
            return self.refuse_with
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.received.append(envelope)
        return "250 OK"


class OnFreePort(Controller):
    """A controller that looks for its server where it really listens."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, str]]:
    handler = Inbox()
    controller = OnFreePort(handler, hostname="127.0.0.1", port=0)
    controller.start()
    yield handler, f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


def packed(acme, *, person: str = "Ada", recipient: str = "ada@customer.example", **brand: Any) -> EmailMessage:
    for name, value in brand.items():
        setattr(acme, name, value)
    vendor = vendors.profile_of(acme)
    shown = rendering.render("sample", vendor, "en", {"person": person, "code": "123456"})
    return message.pack(
        shown, recipient=recipient, vendor=vendor, name="sample", message_id="ab12", made_at=clock.now()
    )


def headers_of(mail: EmailMessage) -> EmailMessage:
    return message_from_bytes(mail.as_bytes(), policy=policy.default)


def test_a_mail_carries_the_vendors_name_text_and_html(acme):
    mail = headers_of(packed(acme))

    assert mail["From"] == "Acme <portal@latchkey.example>"
    assert mail["To"] == "ada@customer.example"
    assert mail["Subject"] == "Hello Ada, your code is 123456"
    assert mail["Message-ID"] == "<ab12@latchkey.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == "<sample.acme.example>"
    assert "http://localhost/Portal/@acme.example/" in mail.get_body(("plain",)).get_content()
    assert mail.get_body(("html",)).get_content().strip() == "<p>Acme: Ada, 123456</p>"


def test_line_ends_in_a_name_add_no_header(acme):
    mail = headers_of(packed(acme, person="Ada\r\nBcc: eve@evil.example\r\n\r\nBuy now", name="Acme\r\nX-Evil: 1"))

    assert mail["Bcc"] is None
    assert mail["X-Evil"] is None
    assert mail["Subject"] == "Hello Ada Bcc: eve@evil.example Buy now, your code is 123456"
    assert mail["From"].addresses[0].display_name == "Acme X-Evil: 1"


def test_markup_in_a_name_stays_text(acme):
    mail = headers_of(packed(acme, person="<img src=x>"))

    assert "&lt;img src=x&gt;" in mail.get_body(("html",)).get_content()
    assert "<img src=x>" in mail.get_body(("plain",)).get_content()


@pytest.mark.parametrize("recipient", ["ada@customer.example\r\nBcc: eve@evil.example", "ada@a.example, eve@b.example"])
def test_a_recipient_is_one_address(acme, recipient):
    with pytest.raises(Invalid):
        packed(acme, recipient=recipient)


def test_an_international_domain_goes_out_in_ascii(acme):
    assert packed(acme, recipient="ada@bücher.example")["To"] == "ada@xn--bcher-kva.example"


def test_the_support_address_gets_the_replies(acme):
    acme.switches = {**acme.switches, "support_email": "help@acme.example"}

    assert packed(acme)["Reply-To"] == "help@acme.example"


def test_files_hold_whole_messages_and_sending_twice_makes_one(acme, tmp_path: Path):
    mail = packed(acme)
    transports.send(mail, f"file:{tmp_path}/out")
    transports.send(mail, f"file:{tmp_path}/out")

    (path,) = (tmp_path / "out").iterdir()
    assert path.suffix == ".eml"
    assert message_from_bytes(path.read_bytes(), policy=policy.default)["Message-ID"] == "<ab12@latchkey.example>"


def test_the_console_shows_the_text(acme, capsys):
    transports.send(packed(acme), "console:")

    assert "mail to ada@customer.example: Hello Ada, your code is 123456" in capsys.readouterr().out


def test_smtp_delivers_to_the_recipient(acme, inbox):
    handler, url = inbox
    transports.send(packed(acme), url)

    (envelope,) = handler.received
    assert envelope.mail_from == "portal@latchkey.example"
    assert envelope.rcpt_tos == ["ada@customer.example"]
    assert b"Message-ID: <ab12@latchkey.example>" in envelope.content


def test_a_refused_recipient_is_told_apart_from_a_busy_server(acme, inbox):
    handler, url = inbox
    handler.refuse_with = "550 no such mailbox"
    with pytest.raises(transports.Refused, match="no such mailbox"):
        transports.send(packed(acme), url)

    handler.refuse_with = "450 come back later"
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        transports.send(packed(acme), url)


def test_the_mail_server_can_be_checked_without_sending(inbox):
    handler, url = inbox

    assert transports.check(url) == "The mail server 127.0.0.1 answers."
    assert handler.received == []


def test_tests_read_waiting_mail_as_its_reader_would(app, acme):
    from portal.extensions import db

    outbox.queue_mail("sample", "ada@customer.example", vendor_id=acme.id, person="Ada", code="042137")
    db.session.commit()

    (mail,) = sent_mails("ada@customer.example")
    assert mail.code == "042137"
    assert mail.links == ["http://localhost/Portal/@acme.example/"]
    assert sent_mails("eve@customer.example") == []
