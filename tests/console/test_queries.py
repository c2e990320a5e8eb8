"""Pages make a bounded number of queries, whatever the size of the data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from portal.extensions import db
from portal.vendors.models import Vendor
from tests.factories import make_association, make_customer, make_license, make_machine, make_product, make_user
from tests.support.page import Page


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements sent inside the block."""
    sent: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def number(desk: Page, path: str) -> int:
    desk.get(path)
    with counted() as sent:
        desk.get(path)
    return len(sent)


def test_more_rows_take_no_more_queries(desk: Page, acme: Vendor) -> None:
    product = make_product(acme)
    customer = make_customer(acme, name="Larsson")
    pages = ["/Customer", "/Customer?q=larsson", f"/Customer/Edit/{customer.id}", f"/Product/Detail/{product.id}"]
    pages += ["/Product", "/Staff", "/Audit", "/License/1", "/Data?refType=0"]
    make_machine(make_license(acme, product, customer))
    make_association(make_user(), customer)
    few = {page: number(desk, page) for page in pages}

    for seat in range(2, 12):
        make_machine(make_license(acme, product, customer))
        make_association(make_user(), customer, seat=seat)
        make_customer(acme, name="Larsson")
        make_product(acme)
    assert {page: number(desk, page) for page in pages} == few
    assert few["/Customer"] <= 3
    assert max(few.values()) <= 12
