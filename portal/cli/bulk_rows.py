"""Made-up customers, licenses and machines by the million: varied, and the same for the same numbers every time."""

# ruff: noqa: SIM905 (a row of words reads better than a list of strings)
from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

FIRST = (
    "Ada Bruno Chiara Dmitri Elin Farah Goran Hana Idris Jonna Kofi Leila Mateo Nadia Oskar Paula Quentin Rosa "
    "Sven Tomoko Ulrike Viktor Wanda Ximena Yusuf Zofia Anouk Benedikt Carmen Deniz Emeka Freya Giulia Hugo "
    "Ines Joris Katya"
).split()
LAST = (
    "Abara Bergström Castellano Dvořák Eklund Fontaine Grönlund Haugen Ishikawa Jansen Kowalczyk Lindholm "
    "Moreau Nakamura Okonkwo Petrov Quispe Rossi Santos Takahashi Ulvaeus Vasquez Wójcik Xu Yılmaz Zimmermann "
    "Achterberg Brandt Cavalcanti Demir Engelhardt Ferreira Gallagher Hrubý Ivanova Jørgensen Karlsson Laurent "
    "Müller Nygaard Ortiz"
).split()
TRADE = ("Acoustics Brewing Cartography Dental Engineering Films Gardens Harbor Instruments Joinery Labs Maps").split()
FORM = ("Ltd", "GmbH", "AB", "SARL", "Inc", "BV", "Oy")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
HEAVY_EVERY, HEAVY_LICENSES = 10, 10
NOTES = ("", "", "", "Paid by invoice.", "Met at the spring fair.", "Prefers mail in the morning.")

CUSTOMER_COLUMNS = (
    "vendor_id id name email email_key company_name notes origin secret_digest enable_customer_association "
    "allow_activation_management allow_multiple_user_association max_no_of_devices link_nonce link_made_at "
    "created_at"
).split()
LICENSE_COLUMNS = (
    "vendor_id global_id product_id id key customer_id created_at expires_at changed_at period f1 f2 f3 f4 f5 "
    "f6 f7 f8 notes block trial_activation max_no_of_machines allowed_machines"
).split()
MACHINE_COLUMNS = "vendor_id global_id mid friendly_name ip first_seen_at last_seen_at".split()
Row = tuple[Any, ...]
Stamp = Callable[[datetime], Any]


def shares(customers: int, licenses: int) -> Iterator[int]:
    """How many licenses each customer gets: every tenth ten, the others what is left, evenly."""
    heavy = len(range(0, customers, HEAVY_EVERY))
    rest = max(0, licenses - heavy * HEAVY_LICENSES)
    others = customers - heavy
    each, extra = divmod(rest, others) if others else (0, 0)
    left, other = licenses, 0
    for number in range(customers):
        if number % HEAVY_EVERY == 0:
            share = HEAVY_LICENSES if others else licenses
        else:
            share = each + (other < extra)
            other += 1
        share = min(share, left)
        left -= share
        yield share


def customers(vendor_id: int, ids: range, now: datetime, stamp: Stamp) -> Iterator[Row]:
    """One row for each id. stamp: how the driver takes a time."""
    pick = random.Random(f"customers {vendor_id} {ids.start}")  # noqa: S311 (made-up data)
    for number in ids:
        first, last = pick.choice(FIRST), pick.choice(LAST)
        company = f"{last} {pick.choice(TRADE)} {pick.choice(FORM)}" if number % 3 else ""
        email = f"{first}.{number}@mail{number % 97}.example"
        at = stamp(now - timedelta(minutes=pick.randrange(3 * 365 * 1440)))
        nonce = f"{pick.getrandbits(128):032x}"
        name = f"{first} {last}"
        flags = (True, number % 2 == 0, number % 50 == 0)
        notes = pick.choice(NOTES)
        yield vendor_id, number, name, email, email.lower(), company, notes, "demo", "", *flags, 0, nonce, at, at


def licenses(
    vendor_id: int, ids: range, products: dict[int, int], owners: Iterator[int], now: datetime, stamp: Stamp
) -> Iterator[Row]:
    """One row for each global id. products: id → number of its newest license. owners: a customer id for each."""
    pick = random.Random(f"licenses {vendor_id} {ids.start}")  # noqa: S311
    numbers, choice = dict(products), list(products)
    for global_id, owner in zip(ids, owners, strict=True):
        product = choice[global_id % len(choice)]
        numbers[product] += 1
        letters = "".join(pick.choices(LETTERS, k=20))
        key = f"{letters[:5]}-{letters[5:10]}-{letters[10:15]}-{letters[15:]}"
        at = now - timedelta(minutes=pick.randrange(700 * 1440))
        period = (365, 365, 30, 0)[global_id % 4]
        made, ends = stamp(at), stamp(at + timedelta(days=period))
        features = (True, global_id % 2 == 0, global_id % 7 == 0, False, False, False, False, False)
        state = (global_id % 40 == 0, global_id % 25 == 0)
        yield (
            *(vendor_id, global_id, product, numbers[product], key, owner, made, ends, made, period),
            *features,
            *("", *state, (1, 2, 3, 10)[global_id % 4], ""),
        )


def machines(vendor_id: int, global_ids: range, now: datetime, stamp: Stamp) -> Iterator[Row]:
    """A machine for every third license."""
    pick = random.Random(f"machines {vendor_id} {global_ids.start}")  # noqa: S311
    for global_id in global_ids[::3]:
        seen = now - timedelta(minutes=pick.randrange(90 * 1440))
        name = f"Desk {global_id % 40 + 1}" if global_id % 2 else ""
        ip = f"198.51.100.{global_id % 250 + 1}"
        first = stamp(seen - timedelta(days=200))
        yield vendor_id, global_id, f"{pick.getrandbits(128):032x}", name, ip, first, stamp(seen)
