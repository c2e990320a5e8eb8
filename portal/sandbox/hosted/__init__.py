"""The pages that a customer sees at Stripe: billing portal, login page, invoice; and the sandbox's own overview."""
