"""The hosted billing portal, as a customer walks through it."""

import pytest

from tests.sandbox.visitor import Visitor

BACK = "https://portal.example.com/Billing/Return"


@pytest.fixture
def enter(sandbox, client, shop):
    """Open the portal for a customer: `enter(customer_id, configuration=…, flow_data=…)`."""

    def open_portal(customer: str, **given) -> Visitor:
        given.setdefault("configuration", shop.configure().id)
        session = client.v1.billing_portal.sessions.create({"customer": customer, "return_url": BACK, **given})
        return Visitor(sandbox.url).open(session.url)

    return open_portal


def test_the_first_page_shows_everything(shop, enter):
    made = shop.subscribe()
    visitor = enter(made.customer)

    for text in ("Cartograph Pro", "$10.00 per month", "Active", "Renews on June 28, 2026", "Visa •••• 4242", "Ada"):
        assert text in visitor.text
    assert "Paid" in visitor.text
    assert visitor.click("Return to the site").left_for == BACK


def test_an_empty_customer_sees_what_is_missing(shop, enter):
    visitor = enter(shop.customer(card=None).id)

    for text in ("You have no running plan.", "No card yet.", "No invoice yet."):
        assert text in visitor.text


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_canceling_tells_what_happens_and_can_be_undone(client, shop, enter, mode):
    made = shop.subscribe(billing_mode={"type": mode})
    end = made["items"].data[0].current_period_end
    visitor = enter(made.customer).click("Cancel plan")
    assert "stays available until June 28, 2026" in visitor.text
    assert client.v1.subscriptions.retrieve(made.id).cancel_at is None

    visitor.send("Cancel plan")
    canceled = client.v1.subscriptions.retrieve(made.id)
    assert "Ends on June 28, 2026" in visitor.text
    assert (canceled.status, canceled.cancel_at) == ("active", end)
    assert canceled.cancel_at_period_end is (mode == "classic")

    visitor.send("Don't cancel plan")
    kept = client.v1.subscriptions.retrieve(made.id)
    assert "Renews on June 28, 2026" in visitor.text
    assert (kept.cancel_at, kept.cancel_at_period_end, kept.canceled_at) == (None, False, None)


def test_canceling_at_once_with_a_reason(client, shop, enter):
    configuration = shop.configure(
        subscription_cancel={
            "enabled": True,
            "mode": "immediately",
            "cancellation_reason": {"enabled": True, "options": ["too_expensive", "other"]},
        }
    )
    made = shop.subscribe()
    visitor = enter(made.customer, configuration=configuration.id).click("Cancel plan")
    assert "ends at once" in visitor.text
    visitor.send("Cancel plan", feedback="too_expensive", comment="Too dear for me")
    ended = client.v1.subscriptions.retrieve(made.id)

    assert (ended.status, ended.cancellation_details.feedback) == ("canceled", "too_expensive")
    assert ended.cancellation_details.comment == "Too dear for me"
    assert "Past plans" in visitor.text and not visitor.has_link("Cancel plan")


def test_an_invented_reason_is_dropped(client, shop, enter):
    made = shop.subscribe()
    enter(made.customer).click("Cancel plan").send("Cancel plan", feedback="<script>", comment="x")

    assert client.v1.subscriptions.retrieve(made.id).cancellation_details.feedback is None


def test_switching_the_plan(client, shop, enter):
    made = shop.subscribe()
    visitor = enter(made.customer).click("Change plan")
    assert "$100.00 per year" in visitor.text and "current plan" in visitor.text
    visitor.send("Continue", price=shop.yearly.id)
    assert client.v1.subscriptions.retrieve(made.id)["items"].data[0].price.id == shop.monthly.id

    visitor.send("Confirm")
    assert "$100.00 per year" in visitor.text
    assert client.v1.subscriptions.retrieve(made.id)["items"].data[0].price.id == shop.yearly.id


def test_a_refused_card_leaves_the_old_plan(client, shop, enter):
    customer = shop.customer()
    made = shop.subscribe(customer)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": bad.id}})
    visitor = enter(customer.id).click("Change plan").send("Continue", price=shop.yearly.id).send("Confirm")

    assert (visitor.status, "Your card was declined." in visitor.text) == (422, True)
    found = client.v1.subscriptions.retrieve(made.id)
    assert (found.status, found["items"].data[0].price.id) == ("active", shop.monthly.id)
    assert len(client.v1.invoices.list({"customer": customer.id}).data) == 1


def test_only_listed_prices_can_be_chosen(client, shop, enter):
    made, hidden = shop.subscribe(), shop.price(1, "week")
    visitor = enter(made.customer).click("Change plan")

    assert visitor.send("Continue", price=hidden.id).status == 404
    assert client.v1.subscriptions.retrieve(made.id)["items"].data[0].price.id == shop.monthly.id


def test_the_quantity_changes_where_allowed(client, shop, enter):
    configuration = shop.configure(
        subscription_update={
            "enabled": True,
            "default_allowed_updates": ["quantity"],
            "products": [
                {
                    "product": shop.product.id,
                    "prices": [shop.monthly.id],
                    "adjustable_quantity": {"enabled": True, "minimum": 1},
                }
            ],
        }
    )
    made = shop.subscribe()
    visitor = enter(made.customer, configuration=configuration.id).click("Change plan")
    visitor.send("Continue", quantity="4").send("Confirm")

    assert "4 × $10.00 per month" in visitor.text
    assert client.v1.subscriptions.retrieve(made.id)["items"].data[0].quantity == 4


def test_switching_in_a_trial_ends_it_unless_configured_otherwise(client, shop, enter):
    made = shop.subscribe(trial_period_days=14)
    enter(made.customer).click("Change plan").send("Continue", price=shop.yearly.id).send("Confirm")

    assert client.v1.subscriptions.retrieve(made.id).status == "active"


def test_a_plan_with_several_products_can_only_be_canceled(client, shop, enter):
    made = shop.subscribe()
    client.v1.subscription_items.create({"subscription": made.id, "price": shop.price(500).id})
    visitor = enter(made.customer)

    assert visitor.has_link("Cancel plan") and not visitor.has_link("Change plan")
    assert visitor.open(f"{visitor.url.removesuffix('/home')}/update/{made.id}").status == 409


def test_a_new_card_heals_what_was_past_due(client, shop, enter):
    customer = shop.customer("pm_card_chargeCustomerFail")
    made = shop.subscribe(customer, trial_period_days=1)
    client.v1.subscriptions.update(made.id, {"trial_end": "now"})
    visitor = enter(customer.id)
    assert "The last payment failed" in visitor.text
    visitor.click("Add a card").send("Save card", card="pm_card_mastercard")

    assert "Mastercard •••• 4444" in visitor.text
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    assert client.v1.invoices.list({"customer": customer.id, "status": "open"}).data == []


def test_a_card_that_declines_says_so_and_is_not_kept(client, shop, enter):
    visitor = enter(shop.customer(card=None).id).click("Add a card").send("Save card", card="pm_card_chargeDeclined")

    assert (visitor.status, "Your card was declined." in visitor.text) == (422, True)
    assert visitor.send("Save card", card="pm_made_up").status == 422


def test_a_new_card_replaces_the_subscriptions_own(client, shop, enter):
    customer = shop.customer()
    own = client.v1.payment_methods.attach("pm_card_amex", {"customer": customer.id})
    made = shop.subscribe(customer, default_payment_method=own.id)
    enter(customer.id).click("Add a card").send("Save card", card="pm_card_visa")

    assert client.v1.subscriptions.retrieve(made.id).default_payment_method != own.id


def test_details_change_where_allowed(client, shop, enter):
    customer = shop.customer()
    visitor = enter(customer.id).click("Update details")
    assert visitor.send("Save details", email="nonsense").status == 422
    assert visitor.send("Save details", email="a@example.com", name="A\0da").status == 422
    assert client.v1.customers.retrieve(customer.id).email == "ada@example.com"
    visitor.send("Save details", email="grace@example.com", name="Grace Hopper")

    changed = client.v1.customers.retrieve(customer.id)
    assert (changed.email, changed.name) == ("grace@example.com", "Grace Hopper")
    assert "grace@example.com" in visitor.text


def test_features_that_are_off_do_not_show_and_do_not_work(client, shop, enter):
    off = client.v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": False}}})
    made = shop.subscribe()
    visitor = enter(made.customer, configuration=off.id)
    base = visitor.url.removesuffix("/home")

    for link in ("Cancel plan", "Change plan", "Add a card", "Update details"):
        assert not visitor.has_link(link)
    assert "Invoices" not in visitor.text
    for path, status in [("card", 404), ("details", 404), (f"cancel/{made.id}", 409), (f"update/{made.id}", 409)]:
        assert visitor.open(f"{base}/{path}").status == status
    assert visitor.open(f"{base}/cancel/{made.id}", "POST").status == 409
    assert client.v1.subscriptions.retrieve(made.id).cancel_at is None


def test_a_visitor_reaches_only_the_customers_own_plans(client, shop, enter):
    foreign = shop.subscribe()
    visitor = enter(shop.customer().id)
    base = visitor.url.removesuffix("/home")

    for method, path in [
        ("GET", "cancel"),
        ("POST", "cancel"),
        ("POST", "resume"),
        ("GET", "update"),
        ("GET", "confirm"),
        ("POST", "confirm"),
    ]:
        assert visitor.open(f"{base}/{path}/{foreign.id}", method).status == 404
    assert client.v1.subscriptions.retrieve(foreign.id).cancel_at is None


def test_invoices_open(shop, enter):
    visitor = enter(shop.subscribe().customer).click("May 28, 2026")

    assert "1 × Cartograph Pro" in visitor.text and "$10.00" in visitor.text


def test_names_are_shown_as_text(client, shop, enter):
    customer = client.v1.customers.create({"name": "<script>alert(1)</script>" + "long " * 40})

    assert "<script>alert(1)</script>" in enter(customer.id).text
