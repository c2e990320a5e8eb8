"""The no-code login page: an address, a passcode by mail, then the billing portal."""

import hmac
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _

from portal.sandbox import ids
from portal.sandbox.hosted.doors import gone, printable
from portal.sandbox.hosted.visits import open_session
from portal.sandbox.journal import written
from portal.sandbox.ledger import Document, Ledger
from portal.sandbox.params import EMAIL

bp = Blueprint("login", __name__, url_prefix="/p/login/<code>")

PASSCODE_SECONDS = 10 * 60
MOST_TRIES = 5
PAYING = ("active", "trialing", "past_due")


def _configuration(connection: Any, code: str) -> tuple[str, Document] | None:
    """Account and configuration whose login page has this code and is on."""
    sandbox = current_app.extensions["sandbox"]
    for row in connection.execute(
        "SELECT account, id FROM objects WHERE kind = 'billing_portal.configuration' "
        "AND json_extract(body, '$.login_page.url') = ?",
        (f"{sandbox.public_url}/p/login/{code}",),
    ):
        ledger = Ledger(connection, row["account"], sandbox.clock(), sandbox.public_url)
        found = ledger.find("billing_portal.configuration", row["id"])
        if found and found["active"] and found["login_page"]["enabled"]:
            return row["account"], found
    return None


@bp.route("", methods=["GET", "POST"])
def ask(code: str) -> Any:
    """Ask for the e-mail address; every address gets the same answer."""
    sandbox = current_app.extensions["sandbox"]
    given = request.form.get("email", request.args.get("prefilled_email", ""))
    email = printable(given).strip()[:512]
    with sandbox.store.transaction() as connection:
        owner = _configuration(connection, code)
        if owner is None:
            return gone()
        error = None
        if request.method == "POST":
            if email == given.strip() and EMAIL.fullmatch(email):
                attempt = _send(connection, owner[0], owner[1]["id"], email)
                return redirect(url_for(".check", code=code, attempt=attempt), 303)
            error = _("Enter an e-mail address such as name@example.com.")
    return render_template("sandbox/login.html", code=code, email=email, error=error), 422 if error else 200


@bp.route("/<attempt>", methods=["GET", "POST"])
def check(code: str, attempt: str) -> Any:
    """Ask for the passcode; the right one opens the billing portal."""
    sandbox = current_app.extensions["sandbox"]
    with sandbox.store.transaction() as connection:
        owner = _configuration(connection, code)
        row = connection.execute("SELECT * FROM login_attempts WHERE id = ?", (attempt,)).fetchone()
        if owner is None or row is None or row["configuration"] != owner[1]["id"] or row["account"] != owner[0]:
            return gone()
        error = None
        if request.method == "POST":
            url = _enter(connection, row, owner[1], request.form.get("passcode", "").strip())
            if url:
                return redirect(url, 303)
            error = _("This passcode is wrong or too old. Check the newest mail, or ask for another one.")
    page = render_template("sandbox/passcode.html", code=code, attempt=attempt, email=row["email"], error=error)
    return page, 422 if error else 200


def _send(connection: Any, account: str, configuration: str, email: str) -> str:
    """Begin an attempt; a passcode goes only to an address that belongs to a customer."""
    sandbox = current_app.extensions["sandbox"]
    ledger = Ledger(connection, account, sandbox.clock(), sandbox.public_url)
    customer = customer_for(ledger, email)
    attempt, passcode = ids.random_text(40), ids.passcode()
    connection.execute(
        "INSERT INTO login_attempts (id, account, configuration, email, customer, passcode, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (attempt, account, configuration, email, customer and customer["id"], passcode, ledger.now),
    )
    if customer:
        connection.execute(
            "INSERT INTO mails (recipient, passcode, created) VALUES (?, ?, ?)", (email, passcode, ledger.now)
        )
    return attempt


def customer_for(ledger: Ledger, email: str) -> Document | None:
    """Whom an address means: the newest customer with it and a running subscription, else the newest with it."""
    rows = ledger.connection.execute(
        "SELECT id FROM objects WHERE account = ? AND kind = 'customer' AND lower(json_extract(body, '$.email')) = ? "
        "ORDER BY position DESC",
        (ledger.account, email.lower()),
    ).fetchall()
    found = [ledger.get("customer", row["id"], "customer") for row in rows]
    for customer in found:
        subscriptions = ledger.all("subscription", customer=customer["id"])
        if any(subscription["status"] in PAYING for subscription in subscriptions):
            return customer
    return found[0] if found else None


def _enter(connection: Any, row: Any, configuration: Document, passcode: str) -> str | None:
    """The address of a new portal session if the passcode is right; each attempt allows a few tries."""
    sandbox = current_app.extensions["sandbox"]
    connection.execute("UPDATE login_attempts SET tries = tries + 1 WHERE id = ?", (row["id"],))
    is_alive = row["tries"] < MOST_TRIES and sandbox.clock() - row["created"] < PASSCODE_SECONDS
    is_right = hmac.compare_digest(passcode.encode("utf-8", "replace"), row["passcode"].encode())
    if not (is_alive and is_right and row["customer"]):
        return None
    connection.execute("UPDATE login_attempts SET tries = ? WHERE id = ?", (MOST_TRIES, row["id"]))
    ledger = Ledger(connection, row["account"], sandbox.clock(), sandbox.public_url)
    customer = ledger.find("customer", row["customer"])
    if customer is None or customer.get("deleted"):
        return None
    with written(ledger) as watched:
        return str(open_session(watched, customer, configuration, by_login=True)["url"])
