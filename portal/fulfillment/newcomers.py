"""A customer record for somebody who has paid and has none: by the link that was mailed to the payer."""

from __future__ import annotations

from portal.associate import binding
from portal.associate.binding import Person
from portal.customers import service as customers
from portal.vendors.service import VendorProfile


def welcome(vendor: VendorProfile, person: Person) -> int:
    """Make a customer of a person, bound to it, in the caller's transaction. Returns the customer's id.

    The link is the vendor's invitation, so that it works with generic sign-up switched off, too. Raises Forbidden while
    the person's address is not confirmed.
    """
    name = person.name[:100] or person.email[:100]
    record, _secret = customers.create(
        vendor, name=name, email=person.email, origin="stripe", enable_customer_association=True
    )
    binding.bind_offer(vendor, person, record.id)
    customers.edit(vendor, record, enable_customer_association=False)
    return record.id
