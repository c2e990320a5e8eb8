"""Where to click in the demo: printed by `latchkey demo` and shown on the start page."""

from __future__ import annotations

from portal import addresses, crypto
from portal.associate import links
from portal.customers import service as customers
from portal.dev import demo_cast as cast
from portal.vendors import service as vendors

INVITED = 2  # Jonas: his personal link waits for somebody to use it


def where_to_click() -> dict[str, str | None]:
    """Addresses and credentials by name (CONTRACT section 1)."""
    vendor = vendors.get_by_domain(cast.DOMAIN)
    sandbox = crypto.settings().sandbox_origin
    invited = customers.get(vendor, INVITED)
    return {
        "url": addresses.absolute("/"),
        "portal_url": addresses.portal_link(vendor),
        "sign_up_link": links.sign_up_link(vendor),
        "personal_link": links.personal_link(vendor, invited),
        "staff_url": addresses.absolute("/SignIn"),
        "staff_email": cast.STAFF_EMAIL,
        "staff_password": cast.STAFF_PASSWORD,
        "customer_url": addresses.portal_link(vendor, "SignIn"),
        "customer_email": cast.CUSTOMER_EMAIL,
        "customer_password": cast.CUSTOMER_PASSWORD,
        "mail_url": addresses.absolute("/dev/mail"),
        "sandbox_url": sandbox,
        "plans_url": addresses.portal_link(vendor, "Plans"),
        "accidents_url": f"{sandbox}/accidents" if sandbox else None,
        "desk_url": addresses.absolute("/Reconciliation"),
        "doctor_url": addresses.absolute("/StripeDoctor"),
    }
