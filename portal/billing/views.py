"""The billing pages: what is paid, the step to Stripe's portal, plans and buying, and the ways back."""

from __future__ import annotations

from portal.billing import checkout_views, plan_views, portal_views, return_views
from portal.billing.blueprint import bp

__all__ = ["bp", "checkout_views", "plan_views", "portal_views", "return_views"]
