"""`latchkey seed`: bulk demo data, fast enough for a million customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any

import click

from portal.cli import running

if TYPE_CHECKING:
    from portal.vendors.models import Vendor

CHUNK = 20_000
PRODUCTS = ("Seeded Studio", "Seeded Server", "Seeded Tools")
MOST = 2**31 - 1
SQLITE_FOR_BULK = ("PRAGMA cache_size=-262144", "PRAGMA wal_autocheckpoint=20000")


@click.command()
@click.option("--vendor", required=True, help="The vendor's domain.")
@click.option("--customers", required=True, type=click.IntRange(1, MOST))
@click.option("--licenses", required=True, type=click.IntRange(0, MOST))
@running.as_json_option
@running.in_app
def seed(vendor: str, customers: int, licenses: int, as_json: bool) -> None:
    """Add made-up customers, licenses and machines to a vendor. Every tenth customer gets ten licenses."""
    from portal import clock

    began = clock.monotonic()
    made_machines = _fill(running.get_vendor(vendor), customers, licenses, quiet=as_json)
    seconds = round(clock.monotonic() - began, 2)
    facts: dict[str, Any] = {"customers": customers, "licenses": licenses, "machines": made_machines}
    running.show(facts | {"seconds": seconds}, as_json)


def _fill(vendor: Vendor, customers: int, licenses: int, *, quiet: bool) -> int:
    from portal.cli import bulk_rows as bulk
    from portal.vendors import service as vendors

    vendor_id = vendor.id
    products = _products(vendor, licenses)
    people = vendors.next_ids(vendor, "customer", customers)
    keys = vendors.next_ids(vendor, "license", licenses) if licenses else range(1, 1)
    _commit_reserved(vendor_id, products, keys)
    at = _time()
    owners = chain.from_iterable(map(repeat, people, bulk.shares(customers, licenses)))
    parts: list[tuple[str, Sequence[str], Iterator[tuple[Any, ...]]]] = [
        ("customers", bulk.CUSTOMER_COLUMNS, bulk.customers(vendor_id, people, *at)),
        ("licenses", bulk.LICENSE_COLUMNS, bulk.licenses(vendor_id, keys, products, owners, *at)),
        ("machines", bulk.MACHINE_COLUMNS, bulk.machines(vendor_id, keys, *at)),
    ]
    machines = len(keys[::3])
    total = customers + licenses + machines
    with _inserting() as insert, click.progressbar(length=total, label="Seeding", file=_bar(quiet)) as bar:
        for table, columns, rows in parts:
            while chunk := list(islice(rows, CHUNK)):
                insert(table, columns, chunk)
                bar.update(len(chunk))
    return machines


def _products(vendor: Vendor, licenses: int) -> dict[int, int]:
    """The vendor's products, or new ones: id → number of the newest license."""
    from portal.licenses import service

    known = service.list_products(vendor) or ([service.create_product(vendor, n) for n in PRODUCTS] if licenses else [])
    return {product.id: product.last_license_id for product in known}


def _commit_reserved(vendor_id: int, products: dict[int, int], keys: range) -> None:
    """Keep the numbers for us before anything is written, so that the portal may go on meanwhile."""
    from portal import unit_of_work
    from portal.extensions import db
    from portal.licenses.models import Product

    for at, product_id in enumerate(products):
        product = db.session.get_one(Product, (vendor_id, product_id))
        product.last_license_id += sum(1 for _ in keys[(at - keys.start) % len(products) :: len(products)])
    unit_of_work.commit()


@contextmanager
def _inserting() -> Iterator[Callable[[str, Sequence[str], list[tuple[Any, ...]]], None]]:
    """A connection for many rows; each call is one transaction: COPY on PostgreSQL, one statement on SQLite."""
    from portal.extensions import db

    is_postgresql = db.engine.dialect.name == "postgresql"
    with db.engine.connect() as connection:
        driver = connection.connection
        for pragma in () if is_postgresql else SQLITE_FOR_BULK:
            driver.cursor().execute(pragma)

        def insert(table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            with connection.begin():
                cursor = driver.cursor()
                if is_postgresql:
                    _copy(cursor, f"COPY {table} ({names}) FROM STDIN", rows)
                else:
                    cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608

        yield insert


def _copy(cursor: Any, statement: str, rows: list[tuple[Any, ...]]) -> None:
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _time() -> tuple[datetime, Callable[[datetime], Any]]:
    """Now, and how the driver takes a time: SQLite as the text SQLAlchemy writes."""
    from portal import clock
    from portal.extensions import db

    if db.engine.dialect.name == "postgresql":
        return clock.now(), lambda at: at
    return clock.now().replace(tzinfo=None), lambda at: at.isoformat(" ", "microseconds")


def _bar(quiet: bool) -> Any:
    import io
    import sys

    return io.StringIO() if quiet else sys.stderr
