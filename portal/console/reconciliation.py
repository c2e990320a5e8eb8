"""The reconciliation desk: where Stripe and the licenses differ, and the one confirmed click that mends it."""

from __future__ import annotations

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as WerkzeugResponse

from portal import access, unit_of_work
from portal.audit import service as audit
from portal.console import findings_file, findings_shown, paging, payments_shown
from portal.console.forms import at_most
from portal.customers import search as customer_search
from portal.errors import Conflict, Invalid, NotFound
from portal.forms import LineField, PortalForm
from portal.fulfillment import unclaimed
from portal.reconciliation import health, jobs, ledger, remedies, repairs, words
from portal.reconciliation.found import KINDS
from portal.reconciliation.models import Finding
from portal.reconciliation.repairs import Ready, Result

bp = Blueprint("console_reconciliation", __name__)
Refused = tuple[str, int]


class AsideForm(PortalForm):
    """Why a finding is put aside."""

    reason = LineField(_l("Why"), [at_most(200)], description=_l("For those who look here later."))


@bp.get("/Reconciliation")
@access.staff("viewer")
def index() -> str:
    """What differs, class by class; with `state=closed` what was settled."""
    kind, state = _filters()
    found = ledger.list_for(g.vendor, kind=kind, state=state, before=paging.key("before"), limit=paging.LIMIT + 1)
    rows = findings_shown.shown(g.vendor, found[: paging.LIMIT])
    kept = {"kind": kind, "state": "" if state else "closed"}
    return render_template(
        "console/reconciliation/index.html",
        active="reconciliation",
        health=health.of(g.vendor),
        last=audit.list_for(g.vendor, record=f"comparison:{g.vendor.id}", limit=1),
        is_waiting=jobs.is_waiting(g.vendor),
        totals=findings_shown.totals(g.vendor),
        rows=rows,
        kind=kind,
        is_open=bool(state),
        state_name=words.of_state,
        first=paging.address(**kept) if "before" in request.args else None,
        older=paging.address(**kept, before=rows[-1].finding.id) if len(found) > paging.LIMIT else None,
    )


@bp.get("/Reconciliation/Export")
@access.staff("viewer")
def export() -> Response:
    """The same as CSV, of any length."""
    kind, state = _filters()
    headers = {"Content-Disposition": 'attachment; filename="reconciliation.csv"'}
    return Response(findings_file.lines(g.vendor, kind, state), mimetype="text/csv", headers=headers)


@bp.post("/Reconciliation/Compare")
@access.staff("support")
def compare() -> WerkzeugResponse:
    """Ask for a comparison now."""
    asked = jobs.ask_for(g.vendor)
    unit_of_work.commit()
    flash(_("The comparison has begun. Reload this page in a moment.") if asked else _("A comparison is under way."))
    return redirect(url_for(".index"), code=303)


@bp.get("/Reconciliation/<int:finding_id>")
@access.staff("viewer")
def show(finding_id: int) -> str:
    """One difference: both sides, what is proposed, and whom it may be about."""
    return _page(ledger.get(g.vendor, finding_id), AsideForm(formdata=None))


@bp.post("/Reconciliation/<int:finding_id>/DryRun")
@access.staff("support")
def dry_run(finding_id: int) -> WerkzeugResponse | str:
    """Read Stripe again and say exactly what a repair would change."""
    try:
        ready = repairs.read(g.vendor, finding_id, _chosen())
    except Invalid as error:
        flash(error.message, "error")
        return redirect(url_for(".show", finding_id=finding_id), code=303)
    return _dry_run_page(ready, repairs.rehearse(ready))


@bp.post("/Reconciliation/<int:finding_id>/Repair")
@access.staff("support")
def repair(finding_id: int) -> WerkzeugResponse | Refused:
    """Do what the dry run said, if it is still the same."""
    ready = repairs.read(g.vendor, finding_id, _chosen())
    may_take_away = request.form.get("may_take_away") == "y"
    try:
        result = repairs.apply(ready, may_take_away=may_take_away, seal=request.form.get("seal", ""))
    except repairs.Changed as changed:
        return _dry_run_page(ready, changed.result, has_changed=True), 409
    unit_of_work.commit()
    failure = repairs.write(ready, result)
    unit_of_work.commit()
    if failure:
        flash(
            _("Repaired here. Stripe did not take its part, and is told again later: %(why)s", why=failure), "warning"
        )
    else:
        flash(result.outcome, "success" if result.is_done else "warning")
    return redirect(url_for(".index") if result.is_done else url_for(".show", finding_id=finding_id), code=303)


@bp.post("/Reconciliation/<int:finding_id>/PutAside")
@access.staff("support")
@access.own_token
def put_aside(finding_id: int) -> WerkzeugResponse | Refused:
    """Leave a difference as it is, until something about it changes."""
    finding = ledger.get(g.vendor, finding_id)
    form = AsideForm()
    if not form.validate_on_submit():
        return _page(finding, form), form.status
    ledger.close(finding, ledger.DISMISSED, form.reason.data or "")
    unit_of_work.commit()
    flash(_("Put aside. It comes back when something about it changes."))
    return redirect(url_for(".index"), code=303)


@bp.post("/Reconciliation/<int:finding_id>/ClaimLink")
@access.staff("support")
def mail_claim_link(finding_id: int) -> WerkzeugResponse:
    """Mail the payer a link by which they say themselves whose the payment is."""
    finding = ledger.get(g.vendor, finding_id)
    if finding.kind != "unclaimed_payment" or finding.state != ledger.OPEN:
        raise Conflict(_("This is settled already."))
    unclaimed.mail_link(g.vendor, finding.subject)
    unit_of_work.commit()
    flash(_("The link is on its way to the payer."))
    return redirect(url_for(".show", finding_id=finding_id), code=303)


def _filters() -> tuple[str, str]:
    """The class (or none) and the state (open, or empty for all that are closed). Raises NotFound for other words."""
    kind, state = request.args.get("kind", ""), request.args.get("state", "")
    if (kind and kind not in KINDS) or state not in ("", "closed"):
        raise NotFound(_("There is no such page."))
    return kind, "" if state else ledger.OPEN


def _chosen() -> int | None:
    text = request.form.get("customer_id", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Invalid(_("There is no customer with this id."), field="customer_id")
    return int(text)


def _page(finding: Finding, form: PortalForm) -> str:
    (row,) = findings_shown.shown(g.vendor, [finding])
    may_repair = finding.state == ledger.OPEN and access.at_least(g.staff_role, "support")
    typed = request.args.get("q", "").strip() or row.email
    asks = may_repair and finding.kind in remedies.WITH_A_CHOICE and finding.kind != "wrong_customer"
    asks = asks and not (finding.kind == "unclaimed_payment" and finding.customer_id)
    return render_template(
        "console/reconciliation/show.html",
        active="reconciliation",
        row=row,
        state_name=words.of_state,
        form=form,
        may_repair=may_repair,
        asks_whose=asks,
        either=findings_shown.either(g.vendor, finding) if finding.kind == "wrong_customer" and may_repair else [],
        typed=typed,
        claimant=_claimant(finding) if asks else "",
        payment=payments_shown.find(g.vendor, finding),
        people=customer_search.search(g.vendor, typed, limit=8).rows if asks and typed else [],
        history=audit.list_for(g.vendor, record=f"finding:{finding.id}", limit=20),
        earlier=ledger.list_same(g.vendor, finding),
    )


def _claimant(finding: Finding) -> str:
    """The address to which a claim link can be mailed, or an empty text."""
    if finding.kind != "unclaimed_payment":
        return ""
    found = [one for one in unclaimed.list_for(g.vendor) if one.stripe_id == finding.subject]
    return found[0].email if found and found[0].can_be_claimed else ""


def _dry_run_page(ready: Ready, result: Result, *, has_changed: bool = False) -> str:
    finding = ledger.get(g.vendor, ready.finding_id)
    if finding.state != ledger.OPEN:
        raise Conflict(_("This is settled already."))
    (row,) = findings_shown.shown(g.vendor, [finding])
    return render_template(
        "console/reconciliation/dry_run.html",
        active="reconciliation",
        row=row,
        result=result,
        chosen=ready.case.chosen,
        has_changed=has_changed,
        trouble=ready.trouble,
    )
