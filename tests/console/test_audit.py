"""/Audit: list, search, paging, export."""

from __future__ import annotations

import csv
import io

from portal.audit import service as audit
from portal.audit.service import Actor
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.support.page import Page

ADA = Actor("staff", 1, "ada@acme.example")


def write(vendor: Vendor, number: int = 1, **fields: object) -> None:
    for _time in range(number):
        values = {"action": "customer.edit", "record": "customer:12", "actor": ADA, **fields}
        audit.record(vendor.id, **values)  # type: ignore[arg-type]
    db.session.commit()


def test_entries_show_who_did_what_to_which_record(desk: Page, acme: Vendor) -> None:
    assert "Nothing happened yet" in desk.get("/Audit").text
    write(acme, before={"name": "Old <b>"}, after={"name": "New"})
    desk.get("/Audit")
    assert "ada@acme.example" in desk.text
    assert [tag.get_text() for tag in desk.soup.select("td del, td ins")] == ["Old <b>", "New"]
    assert desk.soup.select_one('a[href="/Customer/Edit/12"]')


def test_secrets_never_show(desk: Page, acme: Vendor) -> None:
    write(acme, before={"api_key": "sk_one"}, after={"api_key": "sk_two", "webhook_secret": "whsec_x"})
    desk.get("/Audit")
    assert "sk_" not in desk.html and "whsec_" not in desk.html
    assert "[hidden]" in desk.text


def test_search_finds_person_action_and_record(desk: Page, acme: Vendor) -> None:
    write(acme)
    write(acme, action="product.create", record="product:3", actor=Actor("staff", 2, "bo@acme.example"))
    for text in ("bo@acme", "product.cr", "product:3", "PRODUCT"):
        desk.get("/Audit", query_string={"q": text})
        assert "bo@acme.example" in desk.text and "ada@acme.example" not in desk.text
    assert "No entry matches this" in desk.get("/Audit?q=%25").text


def test_entries_page_by_key_and_stay_within_the_vendor(desk: Page, acme: Vendor, globex: Vendor) -> None:
    write(acme, 52)
    write(globex, 3, actor=Actor("staff", 9, "other@globex.example"))
    desk.get("/Audit")
    assert len(desk.soup.select("tbody tr")) == 50
    desk.get(desk.soup.select_one("a[rel=next]")["href"])
    assert len(desk.soup.select("tbody tr")) == 2
    desk.get(desk.soup.select_one("a[rel=prev]")["href"])
    assert len(desk.soup.select("tbody tr")) == 50
    assert "globex" not in desk.get("/Audit?q=globex").soup.select_one("main").get_text()


def test_the_export_holds_every_entry_and_no_formula(desk: Page, acme: Vendor, globex: Vendor) -> None:
    write(acme, 600)
    write(acme, actor=Actor("user", 3, "=HYPERLINK(1)"), after={"name": "x"})
    write(globex)
    desk.get("/Audit/Export")

    assert desk.response.mimetype == "text/csv"
    assert "attachment" in desk.response.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(desk.html)))
    assert rows[0] == ["time", "actor_kind", "actor", "action", "record", "before", "after", "ip"]
    assert len(rows) == 602
    assert rows[1][2] == "'=HYPERLINK(1)"
    assert rows[1][6] == '{"name": "x"}'


def test_the_export_follows_the_search(desk: Page, acme: Vendor) -> None:
    write(acme, 3)
    write(acme, action="product.create")
    desk.get("/Audit/Export?q=product.create")
    assert len(desk.html.splitlines()) == 2
