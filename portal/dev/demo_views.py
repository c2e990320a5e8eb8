"""The demo's own pages: the mails that would have been sent, the vendor's terms and logo."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, render_template
from flask_babel import gettext as _

from portal import access, crypto
from portal.dev import mail_folder
from portal.errors import NotFound
from portal.outbox.mail import transports

bp = Blueprint("demo", __name__)

# A mail brings its own style element; it runs nothing and reaches nothing of ours.
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; sandbox; frame-ancestors 'none'"
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" role="img" aria-label="Harborlight">'
    '<rect width="48" height="48" rx="11" fill="#0f766e"/>'
    '<path d="M21 20h6l3 19H18zM20 14h8v5h-8z" fill="#fff"/><path d="M24 7l5 6H19z" fill="#fff"/>'
    '<path d="M31 15l9-4v10zM17 15l-9-4v10z" fill="#fde68a"/></svg>'
)


@bp.get("/mail")
@access.public
def mails() -> str:
    """The mails that would have been sent, newest first."""
    return render_template("dev/demo/mails.html", mails=mail_folder.newest(_folder()))


@bp.get("/mail/<name>")
@access.public
def mail(name: str) -> str:
    """One mail, as text."""
    return render_template("dev/demo/mail.html", mail=_get(name))


@bp.get("/mail/<name>/html")
@access.public
def mail_html(name: str) -> Response:
    """One mail as a mail program would show it."""
    return Response(_get(name).html, mimetype="text/html", headers={"Content-Security-Policy": MAIL_POLICY})


@bp.get("/terms")
@access.public
def terms() -> str:
    """The demo vendor's terms, so that the link works without a network."""
    return render_template("dev/demo/terms.html")


@bp.get("/logo.svg")
@access.public
def logo() -> Response:
    """The demo vendor's logo."""
    return Response(LOGO, mimetype="image/svg+xml")


def _folder() -> Path:
    mail_url = crypto.settings().mail_url
    if not mail_url.startswith("file:"):
        raise NotFound(_("Mail is not written to files here: see LATCHKEY_MAIL_URL."))
    return transports.folder_of(mail_url)


def _get(name: str) -> mail_folder.StoredMail:
    found = mail_folder.find(_folder(), name)
    if found is None:
        raise NotFound(_("There is no such mail."))
    return found
