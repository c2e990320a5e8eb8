"""“Charged but no key”: the gaps of reference A4, a test each, with its number.

The tests stand in `gaps/`, by topic.

row  what is lost or goes wrong                        what brings the one key all the same
 1   our note of the Stripe customer, or the answer    it is found by address and metadata, or answered again
 2   patience: two tabs, a double click                one order, one checkout
 3   the id of the checkout                            the sweep finds it among the customer's checkouts
 4   a stored error; other parameters                  another attempt, after looking
 5   the browser, before the return                    the event, or the sweep; an address proves nothing
 6   no event came yet                                 the return page asks Stripe itself
 7   the order of events                               the order is there first; what waits is read again
 8   the endpoint is away, or has another secret       the sweeps; the Stripe doctor says so
 9   the endpoint is disabled, gone or wrong           the sweeps; one click repairs it
10   the worker dies after the 200                     the event is stored, its lease ends
11   the handler fails                                 only `done` counts as seen
12   the handler crashes half way                      one transaction
13   one event always fails                            the rest goes on; parked, replayed
14   an old read comes last                            it is stale
15   one event, two workers                            one lease, one unique unit
16   the bank pays later, or not at all                wait; key, or none
17   nobody knows what was paid for                    unclaimed, mail, read again once it is mended
18   another address, a duplicate customer             our number decides, else the payer claims it
19   the mail                                          the portal shows it, staff mail it again
20   the key itself                                    it is derived again, the very same
21   a renewal                                         grace, and the sweep of what ends
22   a period, a quantity, a known status              nothing is taken away, staff are told
23   our database: an old backup                       everything is read again, the same keys
24   test and live mixed up                            left alone
25   the customer at Stripe is deleted                 the key ends with its subscription
26   refunded or disputed before the key               no key
27   our clock                                         the sweeps; the Stripe doctor says so
28   Stripe is away                                    pages go on, the worker tries again
29   the quantity, in between                          what Stripe says now
30   an upgrade that is not paid yet                   what is paid now
"""

from __future__ import annotations

from tests.fulfillment.gaps.account import (
    test_24_live_ids_in_a_test_installation_are_left_alone,
    test_25_the_customer_was_deleted_at_stripe,
    test_26_the_refund_comes_before_the_grant,
    test_27_our_clock_is_off_and_staff_are_told,
    test_28_pages_work_while_stripe_is_away,
    test_29_the_quantity_changed_between_event_and_handling,
    test_30_an_upgrade_that_is_not_applied_yet_counts_for_nothing,
)
from tests.fulfillment.gaps.buying import (
    test_01_the_stripe_customer_was_made_and_our_note_of_it_lost,
    test_02_two_tabs_and_a_double_click_buy_once,
    test_03_the_checkout_was_made_and_its_id_lost,
    test_04_an_error_is_replayed_under_the_same_idempotency_key,
    test_05_paid_and_the_browser_closed_before_return,
    test_06_back_on_the_return_page_before_any_event,
)
from tests.fulfillment.gaps.door import (
    test_07_the_subscription_is_told_before_its_checkout,
    test_07_the_subscription_is_told_before_its_customer_is_known,
    test_08_the_endpoint_is_down_or_missing,
    test_09_the_endpoint_is_disabled_missing_or_wrong,
    test_10_answered_200_and_then_died,
    test_11_the_handler_failed_and_the_retry_counts,
    test_12_the_handler_crashes_half_way,
    test_13_poison_never_blocks_the_rest_and_is_put_aside,
    test_14_an_older_read_never_overwrites_a_newer_one,
    test_15_the_same_event_at_two_workers,
)
from tests.fulfillment.gaps.money import (
    test_16_complete_but_unpaid_waits_for_the_bank,
    test_17_paid_for_something_unknown_is_told_to_staff,
    test_18_paid_by_a_duplicate_customer_with_another_address,
    test_19_the_mail_is_lost_but_the_key_is_in_the_portal,
    test_20_the_key_is_lost_and_made_again_as_it_was,
    test_21_renewed_but_the_end_was_not_moved,
    test_22_a_period_that_is_missing_shortens_nothing,
    test_23_an_old_backup_was_restored,
)

__all__ = [
    "test_01_the_stripe_customer_was_made_and_our_note_of_it_lost",
    "test_02_two_tabs_and_a_double_click_buy_once",
    "test_03_the_checkout_was_made_and_its_id_lost",
    "test_04_an_error_is_replayed_under_the_same_idempotency_key",
    "test_05_paid_and_the_browser_closed_before_return",
    "test_06_back_on_the_return_page_before_any_event",
    "test_07_the_subscription_is_told_before_its_checkout",
    "test_07_the_subscription_is_told_before_its_customer_is_known",
    "test_08_the_endpoint_is_down_or_missing",
    "test_09_the_endpoint_is_disabled_missing_or_wrong",
    "test_10_answered_200_and_then_died",
    "test_11_the_handler_failed_and_the_retry_counts",
    "test_12_the_handler_crashes_half_way",
    "test_13_poison_never_blocks_the_rest_and_is_put_aside",
    "test_14_an_older_read_never_overwrites_a_newer_one",
    "test_15_the_same_event_at_two_workers",
    "test_16_complete_but_unpaid_waits_for_the_bank",
    "test_17_paid_for_something_unknown_is_told_to_staff",
    "test_18_paid_by_a_duplicate_customer_with_another_address",
    "test_19_the_mail_is_lost_but_the_key_is_in_the_portal",
    "test_20_the_key_is_lost_and_made_again_as_it_was",
    "test_21_renewed_but_the_end_was_not_moved",
    "test_22_a_period_that_is_missing_shortens_nothing",
    "test_23_an_old_backup_was_restored",
    "test_24_live_ids_in_a_test_installation_are_left_alone",
    "test_25_the_customer_was_deleted_at_stripe",
    "test_26_the_refund_comes_before_the_grant",
    "test_27_our_clock_is_off_and_staff_are_told",
    "test_28_pages_work_while_stripe_is_away",
    "test_29_the_quantity_changed_between_event_and_handling",
    "test_30_an_upgrade_that_is_not_applied_yet_counts_for_nothing",
]


def test_there_is_a_test_for_every_gap() -> None:
    assert [name for name in __all__ if name not in globals()] == []
    assert {name[5:7] for name in __all__} == {f"{row:02d}" for row in range(1, 31)}
