"""Any history of a shop: whatever people, banks, networks, clocks and dying workers may do, in any order."""

from __future__ import annotations

import random
from typing import ClassVar

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.fulfillment.histories.deeds import FAILING, PAUSES, TEMPORARY
from tests.fulfillment.histories.house import ENDING, EVENTS, HEALERS, PURCHASES, House
from tests.fulfillment.histories.scene import ONCE, SUBSCRIBED, Scene

FEW = st.integers(0, 2)
UNITS = st.integers(1, 3)
FATE = st.one_of(st.none(), st.integers(0, 9), st.integers(0, 30))
PLANS = st.sampled_from(SUBSCRIBED)
SWEEPS = (EVENTS, ENDING, PURCHASES)
ON_THE_WAY = ("duplicate", "lost", "swallowed", "late", "reorder", "wrong_signature", "wrong_time", "older_shape")
AT_STRIPE = ("conflict", "rate_limited", "lost_reply", "server_error", "server_error_after_commit")
ASKED = ("/", "/v1/subscriptions", "/v1/invoice", "/v1/checkout", "/v1/events", "/v1/disputes")
HOW = st.sampled_from(("card", "card", "trial", "invoice", "incomplete"))
NAMES = ("skm_key_id", "skm_key_globalid")
HOURS = (1, 12, 24, 3 * 24, 8 * 24, 32 * 24, 70 * 24)
STEPS = 10


def settings_for(histories: int, *, quick: bool = False) -> settings:
    """How Hypothesis tells so many histories. quick: only say whether one went wrong, do not look for a shorter one."""
    phases = (Phase.generate,) if quick else (Phase.generate, Phase.shrink)
    return settings(
        max_examples=histories,
        stateful_step_count=STEPS,
        phases=phases,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.normal,
    )


class History(RuleBasedStateMachine):
    """One history. scene: set by whoever runs it. told: how many there were."""

    scene: ClassVar[Scene]
    told: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.house = House(self.scene)
        self.deeds, self.truth = self.house.deeds, self.house.truth

    @initialize(
        grace_days=st.sampled_from((0, 3, 10)),
        refund_policy=st.sampled_from(("block", "keep")),
        dispute_policy=st.sampled_from(("suspend", "keep")),
        after_retries=st.sampled_from(("past_due", "canceled", "unpaid")),
        while_processing=st.sampled_from(("active", "incomplete")),
        first=st.sampled_from((*SUBSCRIBED, *ONCE)),
        quantity=UNITS,
        repeats=st.sampled_from((False, False, True)),
        healers=st.sampled_from(sorted(HEALERS)),
        keeps_up=st.booleans(),
        last_fate=st.one_of(st.none(), st.integers(0, 60)),
    )
    def opens(
        self,
        grace_days: int,
        refund_policy: str,
        dispute_policy: str,
        after_retries: str,
        while_processing: str,
        first: str,
        quantity: int,
        repeats: bool,
        healers: str,
        keeps_up: bool,
        last_fate: int | None,
    ) -> None:
        """The shop opens under some policies, and somebody buys.

        repeats: all is done once more in the end. keeps_up: the first key is made at once.
        """
        only_time_tells = after_retries == "unpaid"  # days of grace end without an event
        self.house.repeats, self.house.healers = repeats, HEALERS["everything" if only_time_tells else healers]
        switches = {"grace_days": grace_days, "refund_policy": refund_policy, "dispute_policy": dispute_policy}
        settings = {"after_retries": after_retries, "subscription_while_processing": while_processing}
        self.house.open(switches, settings)
        self.house.last_fate = last_fate
        self.deeds.check_out(0, first, quantity, "pm_card_visa")
        if keeps_up:
            self.house.keep_up()

    # People buy

    @rule(buyer=FEW, plan=PLANS, quantity=UNITS, how=HOW)
    def subscribes(self, buyer: int, plan: str, quantity: int, how: str) -> None:
        """A subscription made through the API, as an integration of the vendor's would."""
        self.deeds.subscribe(buyer, plan, quantity, how, {"skm_temp_var": TEMPORARY})

    @rule(
        buyer=FEW,
        plan=st.sampled_from((*SUBSCRIBED, *ONCE, *ONCE, "alien")),
        quantity=UNITS,
        means=st.sampled_from(("pm_card_visa", "pm_card_visa", "bank_pays_later", "bank_refuses_later")),
    )
    def checks_out(self, buyer: int, plan: str, quantity: int, means: str) -> None:
        """Stripe Checkout, once or for a subscription."""
        self.deeds.check_out(buyer, plan, quantity, means)

    @rule(buyer=FEW, plan=st.sampled_from(("basic", "other")), key=FEW, how=st.sampled_from(NAMES))
    @precondition(lambda self: self.house.key_count())
    def subscribes_for_a_key(self, buyer: int, plan: str, key: int, how: str) -> None:
        """A subscription that names a key, typed in by hand."""
        row = self.house.nth_key(key)
        number = row["global_id"] if how == "skm_key_globalid" else row["id"]
        self.deeds.subscribe_for_key(buyer, plan, how, number)

    # What becomes of it at Stripe

    @rule(which=FEW, out_of_band=st.booleans())
    @precondition(lambda self: self.deeds.subscriptions)
    def pays(self, which: int, out_of_band: bool) -> None:
        """An open invoice is paid after all."""
        self.deeds.pay_open(self.one(which), out_of_band)

    @rule(which=FEW, plan=PLANS, proration=st.sampled_from(("create_prorations", "always_invoice", "none")))
    @precondition(lambda self: self.deeds.subscriptions)
    def changes_plan(self, which: int, plan: str, proration: str) -> None:
        """Another plan on the same item."""
        self.deeds.change(self.one(which), proration, plan=plan)

    @rule(which=FEW, quantity=UNITS, proration=st.sampled_from(("create_prorations", "always_invoice")))
    @precondition(lambda self: self.deeds.subscriptions)
    def changes_quantity(self, which: int, quantity: int, proration: str) -> None:
        """More or fewer units."""
        self.deeds.change(self.one(which), proration, quantity=quantity)

    @rule(
        which=FEW,
        plan=st.sampled_from(("basic", "pro", "other")),
        proration=st.sampled_from(("create_prorations", "always_invoice")),
    )
    @precondition(lambda self: self.deeds.subscriptions)
    def replaces_item(self, which: int, plan: str, proration: str) -> None:
        """Another plan as another item."""
        self.deeds.replace(self.one(which), plan, proration)

    @rule(which=FEW, how=st.sampled_from(("now", "later", "not", "end_trial")))
    @precondition(lambda self: self.deeds.subscriptions)
    def cancels(self, which: int, how: str) -> None:
        """The end now, or with the period; or taken back; or the trial ends early."""
        subscription = self.one(which)
        if how == "now":
            self.deeds.cancel(subscription)
        elif how == "end_trial":
            self.deeds.update(subscription, trial_end="now")
        else:
            self.deeds.update(subscription, cancel_at_period_end=how == "later")

    @rule(which=FEW, how=st.sampled_from((*PAUSES, "")))
    @precondition(lambda self: self.deeds.subscriptions)
    def pauses(self, which: int, how: str) -> None:
        """Nothing is collected for a while, in one of Stripe's three ways; or again."""
        self.deeds.update(self.one(which), pause_collection={"behavior": how} if how else "")

    @rule(which=FEW, deed=st.sampled_from(("refund", "refund", "part", "dispute")))
    @precondition(lambda self: self.house.purchases())
    def takes_back(self, which: int, deed: str) -> None:
        """The last payment is given back, in full or in part, or disputed."""
        charges = self.truth.charges(self.house.nth(which))
        for charge in charges[:1]:
            part = {"amount": charge["amount"] // 3} if deed == "part" else {}
            self.deeds.outside("refund" if deed == "part" else deed, charge["id"], **part)

    @rule(won=st.booleans())
    @precondition(lambda self: self.truth.all("dispute", status="needs_response"))
    def closes_dispute(self, won: bool) -> None:
        """The bank decides."""
        dispute = self.truth.all("dispute", status="needs_response")[-1]
        self.deeds.outside("win" if won else "lose", dispute["id"])

    @rule(buyer=FEW, works=st.booleans())
    def card_changes(self, buyer: int, works: bool) -> None:
        """A card that works, or one that will be declined."""
        self.deeds.card(buyer, "pm_card_visa" if works else FAILING)

    @rule(number=FEW)
    def is_introduced(self, number: int) -> None:
        """A stranger at Stripe turns out to be one of our customers."""
        self.deeds.introduce(number)

    # Our side

    @rule(hours=st.sampled_from(HOURS))
    def time_goes_by(self, hours: int) -> None:
        """Renewals, ends of trials, banks that answer, retries."""
        self.house.world.move(hours=hours)

    @rule(days=st.sampled_from((1, 8, 32, 32)))
    def all_is_well(self, days: int) -> None:
        """A quiet time, in which all is done when it is due."""
        self.house.keep_up()
        self.house.world.move(days=days)
        self.house.keep_up()

    @rule(kind=st.sampled_from(ON_THE_WAY), times=UNITS)
    def goes_astray(self, kind: str, times: int) -> None:
        """Something will happen to the next webhooks."""
        facts = {"late": {"seconds": 90_000}}.get(kind, {})
        self.deeds.accident(kind, times, **facts)

    @rule(limit=st.sampled_from((1, 3, 100)), order=st.integers(0, 9), fate=FATE)
    def webhooks_come(self, limit: int, order: int, fate: int | None) -> None:
        """Some of what is due is delivered, in any order, to a door that may die."""
        self.house.deliver(limit, random.Random(order), fate)

    @rule(fate=FATE)
    def works(self, fate: int | None) -> None:
        """A worker does what is due, or dies at a failpoint."""
        self.house.work(fate)

    @rule(kind=st.sampled_from(AT_STRIPE), times=st.integers(1, 5), path=st.sampled_from(ASKED), fate=FATE)
    def works_in_bad_weather(self, kind: str, times: int, path: str, fate: int | None) -> None:
        """Stripe stumbles over some of the worker's calls."""
        self.deeds.accident(kind, times, path=path)
        self.house.work(fate)
        self.deeds.forget_accidents()

    @rule(
        call=st.integers(0, 6), minutes=st.sampled_from((0, 6)), which=FEW, cancels=st.booleans(), click=st.booleans()
    )
    def is_overtaken(self, call: int, minutes: int, which: int, cancels: bool, click: bool) -> None:
        """While a worker, or a click, waits for an answer, things happen and another worker does its work."""

        def meanwhile() -> None:
            if cancels and self.deeds.subscriptions:
                self.deeds.cancel(self.one(which))
            self.house.world.move(minutes=minutes)
            self.house.deliver(100, None, None)
            self.house.another_works()

        clicked = self.house.nth(which) if click and self.house.purchases() else ""
        self.house.be_overtaken(call, meanwhile, clicked)

    @rule(name=st.sampled_from(SWEEPS), fate=FATE)
    def sweeps(self, name: str, fate: int | None) -> None:
        """A sweep is due."""
        self.house.queue(name)
        self.house.work(fate)

    @rule(which=FEW, fate=FATE)
    @precondition(lambda self: self.house.purchases())
    def staff_click(self, which: int, fate: int | None) -> None:
        """Staff let one purchase be read again."""
        self.house.ensure(self.house.nth(which), fate)

    @rule(customer=FEW, product=st.integers(1, 2))
    def staff_grant(self, customer: int, product: int) -> None:
        """Staff make a key by hand; for nobody, or for a customer."""
        self.house.grant(customer, product)

    @rule(key=FEW)
    @precondition(lambda self: self.house.key_count())
    def staff_block(self, key: int) -> None:
        """Staff block a key that works."""
        self.house.block(key)

    def one(self, which: int) -> str:
        """One of the subscriptions."""
        return self.deeds.subscriptions[which % len(self.deeds.subscriptions)]

    def check_invariants(self, *given: object, **more: object) -> None:
        """After each step, note what is true at Stripe now."""
        self.truth.watch()
        super().check_invariants(*given, **more)

    def teardown(self) -> None:
        """Calm down, and judge."""
        type(self).told += 1
        problems = self.house.end()
        assert not problems, "\n".join(problems)
