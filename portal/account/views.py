"""The account pages: signing in and out, confirming an address, passwords, sessions; one module for each group."""

from __future__ import annotations

from portal.account import confirm_views, own_views, reset_views, sign_in_views, staff_views
from portal.account.blueprint import bp

__all__ = ["bp", "confirm_views", "own_views", "reset_views", "sign_in_views", "staff_views"]
