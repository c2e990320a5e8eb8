"""Opening an association link, and joining by it.

How a link becomes a claim, step by step:

1. GET of the link checks it and writes no row. A good link is kept as a signed claim in a cookie (one day). A browser
   that sent any cookie of ours along is then redirected to the clean address, so that the code leaves the address bar.
   One that sent none may not keep cookies at all: it sees the page at once, and can never run in a circle.
2. The page repeats the claim in a hidden field of its form, and that one counts. With two links open in two tabs each
   form joins the link its own page is about; the cookie only carries people over a sign-in or a reload.
3. The way to the sign-in page carries the link itself as `next`, for the same reason.
4. POST reads the state again under a lock. Nothing that the GET saw is trusted.

Every answer says `Referrer-Policy: no-referrer` and `no-store`, because the address may hold the code.
"""

from __future__ import annotations

from typing import Any

from flask import flash, g, make_response, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal import PORTAL, access, addresses, cookies, throttle, unit_of_work
from portal.account import service as account
from portal.account import sessions
from portal.account.sessions import Visitor
from portal.associate import binding, invitations, links, member_views
from portal.associate.blueprint import bp
from portal.associate.forms import CodeForm, JoinForm, SignUpForm
from portal.associate.invitations import OPEN, TAKEN, YOURS, Invitation
from portal.associate.links import Claim
from portal.errors import Invalid
from portal.terms import joining
from portal.terms import service as terms
from portal.terms.service import Terms

MODULES = (member_views,)
CODE = "associate"


@bp.get(f"{PORTAL}/Associate")
@access.public
def show() -> Response:
    """Who invites whom, and what to do next. Changes nothing: mail scanners open links."""
    if {"vid", "id", "auth"} & request.args.keys():
        return _opened()
    text = cookies.read(cookies.CLAIM)
    claim = links.read_claim(text, g.vendor)
    if claim is None:
        return _no_claim(text)
    return _page(invitations.look_again(g.vendor, claim, _user_id()))


@bp.post(f"{PORTAL}/Associate")
@access.public
@access.own_token
def join() -> Response:
    """Begin an account, or bind a signed-in user."""
    visitor = _visitor()
    if visitor is not None:
        throttle.hit("bind", visitor.id)
    claim = posted_claim()
    if claim is None:
        return _no_claim(request.form.get("claim", ""))
    with unit_of_work.reading():
        invitation = invitations.look_again(g.vendor, claim, _user_id())
        asked = terms.find_unaccepted(g.vendor, _user_id())
    if invitation.state == YOURS:
        return redirect(addresses.portal_path(g.vendor, "Licenses"), code=303)
    if invitation.state != OPEN:
        return _page(invitation)
    return _sign_up(invitation, claim, asked) if visitor is None else _join(invitation, claim, asked)


@bp.route(f"{PORTAL}/Associate/Code", methods=["GET", "POST"])
@access.signed_in
@access.own_token
def code() -> Response | str | tuple[str, int]:
    """The code mailed to the recorded address, where the vendor wants one."""
    form = CodeForm()
    if request.method == "GET":
        return render_template("associate/code.html", form=form)
    if not form.validate_on_submit():
        return render_template("associate/code.html", form=form), form.status
    try:
        facts = account.check_code(CODE, g.vendor, str(form.code.data), user_id=g.visitor.id)
    except Invalid as error:
        form.refuse(error)
        return render_template("associate/code.html", form=form), form.status
    claim = links.claim_of(facts)
    return _no_claim("") if claim is None else _bind(claim, None)


def posted_claim() -> Claim | None:
    """The claim of the form, or of the cookie where the form carries none. A wrong one is never replaced."""
    return links.read_claim(request.form.get("claim") or cookies.read(cookies.CLAIM), g.vendor)


def _opened() -> Response:
    kind, wanted, claim = links.read_link(g.vendor, request.args)
    invitation = invitations.look_at(g.vendor, kind, wanted, claim, _user_id())
    if invitation.claim is not None and invitation.state in (OPEN, YOURS, TAKEN):
        cookies.put(cookies.CLAIM, links.write_claim(g.vendor, invitation.claim), links.CLAIM_SECONDS)
        if invitation.state != TAKEN and cookies.any_sent():
            return _private(redirect(addresses.portal_path(g.vendor, "Associate"), code=303))
    return _page(invitation)


def _sign_up(invitation: Invitation, claim: Claim, asked: Terms | None) -> Response:
    form = SignUpForm()
    answered = form.validate_on_submit() & form.consents(asked)
    if not answered:
        return _page(invitation, form, form.status, asked)
    try:
        account.request_sign_up(
            g.vendor,
            name=str(form.name.data),
            email=str(form.email.data),
            password=str(form.password.data),
            facts=joining.sign_up_facts(claim, asked),
        )
    except Invalid as error:
        form.refuse(error)
        return _page(invitation, form, form.status, asked)
    unit_of_work.commit()
    return redirect(addresses.portal_path(g.vendor, "ConfirmEmail"), code=303)


def _join(invitation: Invitation, claim: Claim, asked: Terms | None) -> Response:
    form = JoinForm()
    answered = form.validate_on_submit() & form.consents(asked)
    if not answered:
        return _page(invitation, form, form.status, asked)
    if binding.needs_code(g.vendor, g.visitor, invitation):
        return _mail_code(invitation, claim, asked)
    return _bind(claim, asked)


def _mail_code(invitation: Invitation, claim: Claim, asked: Terms | None) -> Response:
    try:
        account.request_code(
            CODE,
            g.vendor,
            invitation.recorded_email,
            mail="associate_code",
            user_id=g.visitor.id,
            facts=links.facts_of(claim),
            account_email=g.visitor.email,
        )
    except Invalid:
        return _page(invitation.without_address())
    if asked:
        terms.accept(g.vendor, g.visitor.id, g.visitor.email, invitation.customer_id, asked.url, asked.version)
    unit_of_work.commit()
    return redirect(addresses.portal_path(g.vendor, "Associate/Code"), code=303)


def _bind(claim: Claim, asked: Terms | None) -> Response:
    bound = joining.join(g.vendor, g.visitor, claim, asked)
    if bound.state != YOURS:
        unit_of_work.rollback()
        return _page(bound)
    path = joining.next_page(g.vendor, g.visitor)
    unit_of_work.commit()
    cookies.drop(cookies.CLAIM)
    flash(_("Your account is linked now. Your licenses are below."))
    return _private(redirect(path, code=303))


def _page(
    invitation: Invitation, form: JoinForm | None = None, status: int | None = None, asked: Terms | None = None
) -> Response:
    """The page of an invitation's state; `form` and `asked` where a refused form comes again."""
    claim = invitation.claim
    visitor = _visitor()
    facts: dict[str, Any] = {"invitation": invitation, "visitor": visitor, "claim": ""}
    if claim:
        facts["claim"] = links.write_claim(g.vendor, claim)
        facts["sign_in"] = addresses.portal_path(g.vendor, "SignIn", next=_way_back(claim))
    if invitation.state == OPEN:
        form = form or (SignUpForm(formdata=None) if visitor is None else JoinForm(formdata=None))
        asked = asked or terms.find_unaccepted(g.vendor, _user_id())
        facts["by_code"] = visitor is not None and binding.needs_code(g.vendor, visitor, invitation)
        body = render_template("associate/show.html", form=form, asked=asked, **facts)
    else:
        body = render_template(f"associate/states/{invitation.state}.html", **facts)
    return _private(make_response(body, status or invitation.status))


def _no_claim(text: str) -> Response:
    """There is no link here, or the one this browser opened belongs to another vendor."""
    other = links.vendor_of_claim(text)
    state = "other_vendor" if other is not None and other != g.vendor.id else "missing"
    page = render_template(f"associate/states/{state}.html", visitor=_visitor())
    return _private(make_response(page, 404))


def _private(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _user_id() -> int | None:
    visitor = _visitor()
    return visitor.id if visitor else None


def _visitor() -> Visitor | None:
    """Who is signed in here; somebody who still owes this vendor a second step counts as nobody."""
    return sessions.admitted(g.visitor, g.vendor)


def _way_back(claim: Claim) -> str:
    """Where to go on after signing in: the code stays out of the address where the browser keeps it as a cookie."""
    return addresses.portal_path(g.vendor, "Associate") if cookies.any_sent() else links.path_of(g.vendor, claim)
