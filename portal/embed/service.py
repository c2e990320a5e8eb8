"""What a vendor puts on its own site."""

from __future__ import annotations

from html import escape

from portal import addresses
from portal.vendors.models import Vendor
from portal.vendors.service import VendorProfile

# Nothing of ours runs with fewer rights; `allow-same-origin` only lets the frame load its own files.
SANDBOX = (
    "allow-scripts allow-forms allow-same-origin allow-popups allow-popups-to-escape-sandbox "
    "allow-top-navigation-by-user-activation"
)


def snippet(vendor: Vendor | VendorProfile) -> str:
    """The iframe for a vendor's site, as text to copy. It shows only to the origins in the switch `embed_origins`."""
    source = addresses.portal_link(vendor, "Embed/Associate")
    return (
        f'<iframe src="{escape(source)}" title="{escape(vendor.name)}" width="100%" height="260" loading="lazy" '
        f'sandbox="{SANDBOX}" referrerpolicy="strict-origin" style="border:0"></iframe>'
    )
