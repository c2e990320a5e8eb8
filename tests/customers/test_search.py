"""Finding customers: what staff type, what they get, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text

from portal.customers import search, service
from portal.extensions import db
from portal.vendors.models import Vendor
from tests.factories import make_customer


def names(vendor: Vendor, typed: str, **options: Any) -> list[str]:
    return [row.name for row in search.search(vendor, typed, **options).rows]


def test_nothing_typed_lists_everybody_newest_first(acme: Vendor) -> None:
    make_customer(acme, name="First")
    make_customer(acme, name="Second")

    assert names(acme, "  ") == ["Second", "First"]


def test_digits_find_the_customer_with_this_id(acme: Vendor) -> None:
    make_customer(acme, name="One")
    make_customer(acme, name="Two")

    assert names(acme, "1") == ["One"]


def test_digits_that_are_no_id_are_searched_as_words(acme: Vendor) -> None:
    make_customer(acme, name="Studio 5400")

    assert names(acme, "5400") == ["Studio 5400"]
    assert names(acme, "99999999999") == []


def test_a_complete_address_finds_its_customers_in_any_case(acme: Vendor) -> None:
    make_customer(acme, name="Ada", email="Ada@Mail.Example")
    make_customer(acme, name="Other", email="other-ada@mail.example")

    assert names(acme, "ada@mail.example") == ["Ada"]


def test_part_of_an_address_that_looks_complete_is_still_found(acme: Vendor) -> None:
    make_customer(acme, name="Ada", email="ada@mail.example.org")

    assert names(acme, "ada@mail.example") == ["Ada"]


@pytest.mark.parametrize("typed", ["larsson", "ARSSO", "forge", "tools.ex", "lar forg", "Bo", "bo larsson", "B"])
def test_name_company_and_address_are_found_by_any_part(acme: Vendor, typed: str) -> None:
    make_customer(acme, name="Bo Larsson", company_name="Blue Forge", email="b.l@tools.example")
    make_customer(acme, name="Somebody Else", company_name="Nothing", email="x@y.example")

    assert names(acme, typed) == ["Bo Larsson"]


@pytest.mark.parametrize("typed", ["zzz", "q", "larsson absent", '"', "a* OR b", "larsson'--", "%", "_%_", "100%"])
def test_what_nobody_has_is_not_found_and_breaks_nothing(acme: Vendor, typed: str) -> None:
    make_customer(acme, name="Bo Larsson", email="bo@tools.example")

    assert names(acme, typed) == []


def test_letters_of_other_scripts_fold_their_case(acme: Vendor) -> None:
    make_customer(acme, name="ÅSA Öberg")
    make_customer(acme, name="Лариса")

    assert names(acme, "åsa öb") == ["ÅSA Öberg"]
    assert names(acme, "лар") == ["Лариса"]


def test_another_vendors_customers_are_never_found(acme: Vendor, globex: Vendor) -> None:
    make_customer(globex, name="Larsson", email="larsson@mail.example")

    for typed in ("", "1", "larsson", "la", "larsson@mail.example"):
        assert names(acme, typed) == []
        assert names(globex, typed) == ["Larsson"]


def test_a_changed_or_deleted_customer_leaves_the_index(acme: Vendor) -> None:
    customer = make_customer(acme, name="Before", company_name="Firm")
    service.edit(acme, customer, name="Afterwards")
    db.session.commit()

    assert names(acme, "before") == []
    assert names(acme, "afterwards firm") == ["Afterwards"]
    db.session.delete(customer)
    db.session.commit()
    assert names(acme, "afterwards") == []


def test_customers_loaded_in_bulk_are_found_as_well_as_later_ones(acme: Vendor, globex: Vendor) -> None:
    make_customer(acme, name="Larsson before")
    with search.bulk_loading(acme):
        db.session.execute(text(_MANY.replace("SELECT 1 UNION", "SELECT 2 UNION")), {"vendor_id": acme.id})
    db.session.commit()
    make_customer(globex, name="Person 2999")
    service.edit(acme, service.get(acme, 30), name="Larsson after")
    db.session.commit()

    assert names(acme, "larsson") == ["Larsson after", "Larsson before"]
    assert names(acme, "person 2999") == ["Person 2999"]
    assert names(acme, "person 30") == [f"Person {n}" for n in (3000, *range(309, 299, -1))]


@pytest.mark.parametrize("typed", ["", "larsson", "la"])
def test_pages_by_key_go_down_and_up_again_without_gaps(acme: Vendor, typed: str) -> None:
    for number in range(1, 8):
        make_customer(acme, name=f"Larsson {number}")

    first = search.search(acme, typed, limit=3)
    second = search.search(acme, typed, before=first.rows[-1].id, limit=3)
    third = search.search(acme, typed, before=second.rows[-1].id, limit=3)
    again = search.search(acme, typed, after=second.rows[0].id, limit=3)

    assert [[row.id for row in page.rows] for page in (first, second, third)] == [[7, 6, 5], [4, 3, 2], [1]]
    assert [(page.newer, page.older) for page in (first, second, third)] == [(False, True), (True, True), (True, False)]
    assert [row.id for row in again.rows] == [7, 6, 5]
    assert (again.newer, again.older) == (False, True)


def test_a_search_is_answered_from_the_index_even_when_prepared(acme: Vendor) -> None:
    """PostgreSQL would walk all customers for a rare word once it has a generic plan."""
    db.session.execute(text(_MANY), {"vendor_id": acme.id})
    db.session.commit()
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("ANALYZE customers"))
        db.session.commit()
    statements: list[tuple[str, Any]] = []
    event.listen(db.engine, "before_cursor_execute", lambda c, k, s, p, x, m: statements.append((s, p)), once=False)

    for _round in range(12):
        assert names(acme, "zzqqxx") == []
        db.session.rollback()

    statement, values = next(pair for pair in reversed(statements) if pair[0].lstrip().startswith("SELECT"))
    assert "customers" in statement
    explain = "EXPLAIN QUERY PLAN " if db.engine.dialect.name == "sqlite" else "EXPLAIN "
    plan = " ".join(str(row) for row in db.session.connection().exec_driver_sql(explain + statement, values))
    assert "VIRTUAL TABLE" in plan or "ix_customers_search" in plan, plan
    if db.engine.dialect.name == "postgresql":
        generic = db.session.scalar(text("SELECT coalesce(sum(generic_plans), 0) FROM pg_prepared_statements"))
        searches = text(
            "SELECT coalesce(sum(generic_plans), 0) FROM pg_prepared_statements WHERE statement LIKE '%search_pieces%'"
        )
        assert db.session.scalar(searches) == 0, generic


_MANY = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 3000)
INSERT INTO customers (vendor_id, id, name, email, email_key, company_name, notes, origin, secret_digest,
  enable_customer_association, allow_activation_management, allow_multiple_user_association, max_no_of_devices,
  link_nonce, link_made_at, created_at)
SELECT :vendor_id, n, 'Person ' || n, 'p' || n || '@mail.example', 'p' || n || '@mail.example', 'Firm', '', 'staff', '',
  true, false, false, 0, 'n', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM numbers
"""
