"""The page on which a payer claims a payment: opening it writes nothing, and a claim counts once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, g, make_response, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from portal import PORTAL, access, addresses, cookies, throttle, unit_of_work
from portal.account import service as account
from portal.account import sessions
from portal.associate.forms import SignUpForm
from portal.billing.gateway import GatewayError
from portal.customers.service import labels
from portal.errors import Conflict, Invalid
from portal.fulfillment import claiming, newcomers, unclaimed
from portal.fulfillment import service as fulfillment
from portal.fulfillment.claiming import Claim
from portal.fulfillment.forms import NEW, ClaimForm
from portal.terms import service as terms
from portal.terms.service import StandingCustomer, Terms

bp = Blueprint("fulfillment", __name__)
Customers = tuple[StandingCustomer, ...]
COOKIE_SECONDS = 24 * 3600


@bp.get(f"{PORTAL}/Claim")
@access.public
def claim() -> Response:
    """What was paid, and where the license may go. As with association links, the code leaves the address bar."""
    is_opened = "auth" in request.args
    auth = request.args["auth"] if is_opened else cookies.read(cookies.PAYMENT)
    found, customers, asked = _look(auth)
    if found.state != claiming.OPEN:
        return _closed(found, customers)
    if is_opened:
        cookies.put(cookies.PAYMENT, auth, COOKIE_SECONDS)
        if cookies.any_sent():
            return _private(redirect(addresses.portal_path(g.vendor, "Claim"), code=303))
    form = _choice(customers) if _user_id() else SignUpForm(formdata=None)
    return _page(found, auth, form, asked)


@bp.post(f"{PORTAL}/Claim")
@access.public
@access.own_token
def take() -> Response:
    """Bind the payment to the signed-in visitor's choice, or begin an account that comes back here."""
    user_id, auth = _user_id(), request.form.get("auth", "")
    if user_id is not None:
        throttle.hit("bind", user_id)
    with unit_of_work.reading():
        found, customers, asked = _look(auth)
    if found.state != claiming.OPEN:
        return _closed(found, customers)
    if user_id is None:
        return _sign_up(found, auth, asked)
    form = _choice(customers)
    if not form.validate_on_submit():
        return _page(found, auth, form, asked, form.status)
    return _bind(found, str(form.customer.data))


def _bind(found: Claim, choice: str) -> Response:
    try:
        fulfillment.lock(g.vendor.id)
        customer_id = newcomers.welcome(g.vendor, g.visitor) if choice == NEW else int(choice)
        unclaimed.bind(g.vendor.id, found.stripe_id, customer_id)
    except Conflict:
        unit_of_work.rollback()
        return _closed(Claim(claiming.TAKEN), ())
    unit_of_work.commit()
    cookies.drop(cookies.PAYMENT)
    try:
        fulfillment.ensure_now(g.vendor.id, found.stripe_id)
        unit_of_work.commit()
    except GatewayError:
        unit_of_work.rollback()  # the job that was queued with the claim makes the key
    flash(_("Thank you. Your license is below; if it is not, it will be in a moment."))
    return _private(redirect(addresses.portal_path(g.vendor, "Licenses"), code=303))


def _sign_up(found: Claim, auth: str, asked: Terms | None) -> Response:
    form = SignUpForm()
    answered = form.validate_on_submit() & form.consents(asked)
    if not answered:
        return _page(found, auth, form, asked, form.status)
    ticked = {"url": asked.url, "version": asked.version} if asked else None
    try:
        account.request_sign_up(
            g.vendor,
            name=str(form.name.data),
            email=str(form.email.data),
            password=str(form.password.data),
            facts={"claim": None, "terms": ticked, "path": _path(auth)},
        )
    except Invalid as error:
        form.refuse(error)
        return _page(found, auth, form, asked, form.status)
    unit_of_work.commit()
    return redirect(addresses.portal_path(g.vendor, "ConfirmEmail"), code=303)


def _look(auth: str) -> tuple[Claim, Customers, Terms | None]:
    """The claim, the visitor's customers, and the terms to accept."""
    user_id = _user_id()
    customers = terms.standing(g.vendor, user_id).customers if user_id else ()
    return claiming.read_claim(g.vendor, auth), customers, terms.find_unaccepted(g.vendor, user_id)


def _choice(customers: Customers) -> ClaimForm:
    form = ClaimForm()
    theirs = [SelectChoice(str(number), label) for number, label in labels(customers).items()]
    form.customer.choices = [*theirs, SelectChoice(NEW, _("A new customer record"))]
    if request.method == "GET" and theirs:
        form.customer.data = theirs[0].value
    return form


def _page(found: Claim, auth: str, form: ClaimForm | SignUpForm, asked: Terms | None, status: int = 200) -> Response:
    facts: dict[str, Any] = {
        "claim": found,
        "auth": auth,
        "form": form,
        "asked": asked,
        "visitor": sessions.admitted(g.visitor, g.vendor),
        "sign_in": addresses.portal_path(g.vendor, "SignIn", next=_way_back(auth)),
    }
    return _private(make_response(render_template("fulfillment/claim.html", **facts), status))


def _closed(found: Claim, customers: Customers) -> Response:
    """The link is used up, too old, or none of ours; one's own claim is no mistake."""
    is_mine = found.state == claiming.TAKEN and found.customer_id in [one.id for one in customers]
    state = "yours" if is_mine else found.state
    body = render_template("fulfillment/closed.html", state=state, visitor=sessions.admitted(g.visitor, g.vendor))
    return _private(make_response(body, 200 if is_mine else found.status))


def _private(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _way_back(auth: str) -> str:
    """Where to go on after signing in: the code stays out of the address where the browser keeps it as a cookie."""
    return addresses.portal_path(g.vendor, "Claim") if cookies.any_sent() else _path(auth)


def _path(auth: str) -> str:
    return addresses.portal_path(g.vendor, "Claim", auth=auth)


def _user_id() -> int | None:
    visitor = sessions.admitted(g.visitor, g.vendor)
    return visitor.id if visitor else None
