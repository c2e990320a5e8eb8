"""Data objects: set, list, change and delete them, with the limits Cryptolens documents."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, select

from portal import clock
from portal.audit import service as audit
from portal.data_objects import reserved
from portal.data_objects.models import VENDOR, DataObject
from portal.errors import Invalid, NotFound
from portal.extensions import db
from portal.vendors import service as vendors
from portal.vendors.models import Vendor
from portal.vendors.service import HasId

NAME_LENGTH, STRING_LENGTH = 100, 10_000
LOWEST, HIGHEST = -(2**31), 2**31 - 1


def list_for(vendor: HasId, referencer_type: int = VENDOR, referencer_id: int = 0) -> list[DataObject]:
    """The data objects attached to a record, by name."""
    return list(
        db.session.scalars(_of(vendor, referencer_type, referencer_id).order_by(DataObject.name, DataObject.id))
    )


def find_by_name(vendor: HasId, name: str) -> DataObject | None:
    """The vendor-level data object of this name, or None."""
    # `+ 0`: sorted afterwards; SQLite would walk through all data objects in this order instead of finding the name.
    return db.session.scalar(_of(vendor).where(DataObject.name == name).order_by(DataObject.id + 0).limit(1))


def get(vendor: HasId, object_id: int) -> DataObject:
    """A vendor-level data object. Raises NotFound."""
    found = db.session.scalar(_of(vendor).where(DataObject.id == object_id))
    if found is None:
        raise NotFound(_("There is no such data object."))
    return found


def set_value(vendor: HasId, name: str, string_value: str | None = None, int_value: int | None = None) -> DataObject:
    """Make a vendor-level data object, or change the one of this name; None leaves a value as it is.

    Raises Invalid with the field's name, also for a bad address in a reserved name.
    """
    name = name.strip()
    _lock(vendor)
    found = find_by_name(vendor, name)
    if found is not None:
        return _change(
            vendor,
            found,
            name,
            found.string_value if string_value is None else string_value,
            found.int_value if int_value is None else int_value,
        )
    _check(name, string_value or "", int_value or 0)
    made = DataObject(
        vendor_id=vendor.id,
        id=vendors.next_id(vendor, "data_object"),
        referencer_type=VENDOR,
        referencer_id=0,
        name=name,
        string_value=string_value or "",
        int_value=int_value or 0,
    )
    db.session.add(made)
    db.session.flush()
    audit.record(vendor.id, "data_object.create", f"data_object:{made.id}", after=_facts(made))
    return made


def create(vendor: HasId, name: str, string_value: str = "", int_value: int = 0) -> DataObject:
    """Make a vendor-level data object. Raises Invalid if the name is taken."""
    _lock(vendor)
    _refuse_taken(vendor, name.strip(), None)
    return set_value(vendor, name, string_value, int_value)


def edit(vendor: HasId, object_id: int, name: str, string_value: str, int_value: int) -> DataObject:
    """Change a vendor-level data object. Raises NotFound or Invalid."""
    _lock(vendor)
    name = name.strip()
    found = get(vendor, object_id)
    _refuse_taken(vendor, name, found.id)
    return _change(vendor, found, name, string_value, int_value)


def delete(vendor: HasId, object_id: int) -> None:
    """Delete a vendor-level data object. Raises NotFound."""
    found = get(vendor, object_id)
    audit.record(vendor.id, "data_object.delete", f"data_object:{found.id}", before=_facts(found))
    db.session.delete(found)
    db.session.flush()


def _of(vendor: HasId, referencer_type: int = VENDOR, referencer_id: int = 0) -> Select[Any]:
    return select(DataObject).where(
        DataObject.vendor_id == vendor.id,
        DataObject.referencer_type == referencer_type,
        DataObject.referencer_id == referencer_id,
    )


def _change(vendor: HasId, found: DataObject, name: str, string_value: str, int_value: int) -> DataObject:
    _check(name, string_value, int_value)
    before = _facts(found)
    found.name, found.string_value, found.int_value = name, string_value, int_value
    if before != _facts(found):
        found.changed_at = clock.now()
        audit.record(vendor.id, "data_object.edit", f"data_object:{found.id}", before=before, after=_facts(found))
    db.session.flush()
    return found


def _lock(vendor: HasId) -> None:
    """One writer per vendor at a time, so that a name is never made twice."""
    db.session.execute(select(Vendor.id).where(Vendor.id == vendor.id).with_for_update())


def _refuse_taken(vendor: HasId, name: str, own_id: int | None) -> None:
    taken = find_by_name(vendor, name)
    if taken is not None and taken.id != own_id:
        raise Invalid(_("There is a data object with this name already."), field="name")


def _check(name: str, string_value: str, int_value: int) -> None:
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        raise Invalid(_("Type a name of at most %(limit)s characters.", limit=NAME_LENGTH), field="name")
    if len(string_value) > STRING_LENGTH:
        raise Invalid(_("Please use at most %(limit)s characters.", limit=STRING_LENGTH), field="string_value")
    if not LOWEST <= int_value <= HIGHEST:
        raise Invalid(_("Type a whole number from %(low)s to %(high)s.", low=LOWEST, high=HIGHEST), field="int_value")
    if name == reserved.TERMS_URL and string_value and not reserved.is_safe_terms_url(string_value):
        raise Invalid(
            _("Type the full address of your terms, starting with https://. Leave it empty to ask for no terms."),
            field="string_value",
        )


def _facts(found: DataObject) -> dict[str, Any]:
    return {"name": found.name, "string_value": found.string_value, "int_value": found.int_value}
