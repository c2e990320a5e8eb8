"""Webhooks: which deliveries an event needs, and sending them signed, again and again, as Stripe does."""
