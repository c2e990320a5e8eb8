"""Words for what was found about the customer portal, customers and subscriptions."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

PORTAL = {
    "portal_unsaved": (
        _l("Stripe's customer portal was never set up"),
        _l("“Manage billing” fails: Stripe opens no portal until its settings are saved once in this mode."),
        _l("Save settings that let customers change their card, cancel and see invoices."),
    ),
    "portal_gone": (
        _l("The portal settings in use no longer exist at Stripe"),
        _l("“Manage billing” fails with %(about)s."),
        _l("Save new settings; the account's own ones are used where there are some."),
    ),
    "feature_off": (
        _l("Customers cannot %(feature)s at Stripe"),
        _l("The button on their license page leads to Stripe's first page instead."),
        _l("Switch it on in the portal settings."),
    ),
    "plans_not_offered": (
        _l("Customers cannot switch to %(count)s of your plans"),
        _l("Stripe offers only the products and prices listed in the portal settings, at most ten products."),
        _l("Choose the products in the portal settings."),
    ),
    "business_links": (
        _l("Business links are missing in Stripe's portal: %(missing)s"),
        _l("Customers look for them where they pay, and card networks ask for them."),
        _l("Enter them in the portal settings."),
    ),
    "login_page_off": (
        _l("Stripe's login page is off"),
        _l("A customer who is locked out of this portal has no other way to invoices and cards."),
        _l("Switch the login page on."),
    ),
    "login_link_unshared": (
        _l("Stripe's login page is on, but its link is not entered here"),
        _l("It would serve as the billing button if the API key is ever removed: %(url)s"),
        _l("Take the link over."),
    ),
    "login_link_dead": (
        _l("The portal login link entered here is none of Stripe's"),
        _l("%(url)s may have been switched off, or belongs to another account or mode."),
        _l("Take over the link that Stripe has now, or switch the login page on first."),
    ),
}
CUSTOMERS = {
    "charged_without_key": (
        _l("%(about)s says that it was charged without a key"),
        _l("A customer pays and has no key."),
        _l("Repair it on the reconciliation page."),
    ),
    "customer_gone": (
        _l("Customer %(customer_id)s is linked to %(about)s, which Stripe does not know"),
        _l(
            "“Manage billing” fails for this customer. It was deleted at Stripe, or belongs to another account or mode."
        ),
        _l("Read Stripe again on your profile page; a new counterpart is made at the next purchase."),
    ),
    "email_differs": (
        _l("Customer %(customer_id)s has another address at Stripe"),
        _l("Here: %(ours)s. At Stripe: %(theirs)s. Receipts and the login page's passcode go to Stripe's."),
        _l("Write the address from here to Stripe, or change it on the customer's page."),
    ),
    "email_duplicate": (
        _l("Several customers at Stripe have the address %(email)s"),
        _l(
            "Newest first: %(ids)s. Stripe's login page opens the newest one with an active subscription: %(pick)s. "
            "Invoices and cards of the others cannot be seen there."
        ),
        _l("In Stripe's dashboard, give the others an address of their own, or move their subscriptions to one."),
    ),
    "email_missing": (
        _l("%(about)s has no e-mail address at Stripe"),
        _l("No receipts, no mails about failed payments, and no way in through Stripe's login page."),
        _l("Enter the customer's address in Stripe's dashboard; where this portal has one, write it to Stripe."),
    ),
}
