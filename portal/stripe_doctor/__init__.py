"""Checks of a vendor's Stripe account against what the portal needs, and their repairs."""
