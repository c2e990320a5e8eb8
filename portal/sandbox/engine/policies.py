"""Settings of the whole sandbox that decide what Stripe leaves to the account, or does not say."""

from portal.sandbox.ledger import Ledger

# name: (allowed values, the default first)
CHOICES = {
    "after_retries": ("past_due", "canceled", "unpaid"),
    "subscription_while_processing": ("active", "incomplete"),
}


def read(ledger: Ledger, name: str) -> str:
    """The value of a setting."""
    row = ledger.connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return str(row["value"]) if row else CHOICES[name][0]
