"""What the sandbox does with money and time: periods, charges, invoices, subscriptions."""
