"""Words for what was found about products and prices."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

CATALOG = {
    "no_plan": (
        _l("There is nothing to buy yet"),
        _l("No price at Stripe belongs to one of your products, so your plans page is empty."),
        _l("Make a product with a price here, or write skm_product_id to a product in Stripe's dashboard."),
    ),
    "product_unbound": (
        _l("%(product)s does not say which licenses it pays"),
        _l("It is not shown to customers; who buys it elsewhere gets no key by itself."),
        _l("Choose which of your products it sells. If it sells no licenses, leave it."),
    ),
    "product_unknown": (
        _l("%(product)s names a product that you do not have: %(text)s"),
        _l("It is not sold, and who pays for it elsewhere gets no key."),
        _l("Choose which of your products it sells; skm_product_id is written for you."),
    ),
    "product_archived": (
        _l("%(product)s is archived"),
        _l("Nobody can buy it; running subscriptions go on."),
        _l("Nothing to do, unless you want to sell it again: unarchive it in Stripe's dashboard."),
    ),
    "product_without_price": (
        _l("%(product)s has no price"),
        _l("It cannot be bought."),
        _l("Add a price in Stripe's dashboard."),
    ),
    "price_without_plan": (
        _l("The price %(price)s of %(product)s says nothing about its keys"),
        _l("It is sold. Its keys have no features and no machine limit."),
        _l("Say how its keys are made; skm is written for you."),
    ),
    "price_invalid": (
        _l("The price %(price)s of %(product)s is not sold: its skm cannot be read"),
        _l("%(reason)s Who pays for it elsewhere gets no key by itself."),
        _l("Say how its keys are made; skm is written anew for you. It reads now: %(text)s"),
    ),
    "price_trial_invalid": (
        _l("The price %(price)s of %(product)s is not sold: its free days are no number"),
        _l("latchkey_trial_days reads “%(trial)s”; it must be a whole number from 0 to 730."),
        _l("Type the number of free days; the metadata is written for you."),
    ),
    "price_without_period": (
        _l("The price %(price)s of %(product)s is not sold: its keys would have ended when they are made"),
        _l("The product's licenses end, it is paid once, and no Period says when. Who pays elsewhere gets no key yet."),
        _l("Type a period in days, or leave out the time-limited features; skm is written for you."),
    ),
    "price_unknown_product": (
        _l("The price %(price)s of %(product)s names a product that you do not have"),
        _l("It is not sold, and who pays for it elsewhere gets no key. Its skm reads: %(text)s"),
        _l("Say how its keys are made; the unknown ProductId is left out."),
    ),
    "price_other_product": (
        _l("The price %(price)s of %(product)s names another product than its product does"),
        _l("Keys are made for the product that skm_product_id names. The price's skm reads: %(text)s"),
        _l("Say how its keys are made; the other ProductId is left out."),
    ),
    "price_unsupported": (
        _l("The price %(price)s of %(product)s is billed by use or in tiers"),
        _l("It is not sold here: how many keys it pays cannot be told."),
        _l("Make a price per unit in Stripe's dashboard, and archive this one."),
    ),
}
