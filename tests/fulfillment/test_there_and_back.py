"""An item goes to another product and comes back, again and again: each product's key is the one it was before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from portal.extensions import db
from portal.licenses.models import License
from tests.factories import make_product
from tests.fulfillment.story import Story


def items_of(story: Story, bought: Any) -> list[str]:
    """The ids of its items, in the order of the alphabet."""
    return sorted(item["id"] for item in story.at_stripe(bought)["items"]["data"])


def change(story: Story, bought: Any, *entries: dict[str, Any]) -> None:
    """Its items change, Stripe tells of it, and nothing fails."""
    story.move(seconds=2)
    story.shop.v1.subscriptions.update(bought.id, {"items": list(entries), "proration_behavior": "none"})
    story.happens(bought)


def works(story: Story) -> list[tuple[int, str]]:
    """Product and key of what is not blocked."""
    return [(license.product_id, license.key) for license in story.licenses() if not license.block]


def switched(story: Story, bought: Any, item: str, times: int = 4) -> list[tuple[int, str]]:
    """What works after each of these switches between product 2 and product 1, one license at a time."""
    prices, found = (story.plan(product="2"), story.plan()), []
    for turn in range(times):
        change(story, bought, {"id": item, "price": prices[turn % 2].id})
        found += works(story)
        places = [(unit.source, unit.ordinal) for unit in story.units()]
        assert len(set(places)) == len(places)
    return found


def two_items(story: Story, second: Any = None) -> Any:
    """Two items that pay one key each, of product 1 unless the second price says otherwise."""
    buyer = story.shop.customer(story.customer())
    items = [{"price": story.plan().id}, {"price": (second or story.plan(amount=2900)).id}]
    bought = story.shop.v1.subscriptions.create({"customer": buyer.id, "items": items})
    story.happens(bought)
    return bought


def test_the_key_of_an_item_that_was_removed_is_not_mistaken_for_the_one_that_waits(story: Story) -> None:
    make_product(story.vendor)
    bought = two_items(story)
    removed, item = items_of(story, bought)  # what is removed comes first in the alphabet
    change(story, bought, {"id": removed, "deleted": True})
    (first,) = works(story)

    found = switched(story, bought, item)
    other = found[0]
    assert (first[0], other[0]) == (1, 2)
    assert found == [other, first, other, first]
    assert len(story.licenses()) == 3


def test_the_second_key_of_an_item_that_was_replaced_is_not_mistaken_either(story: Story) -> None:
    make_product(story.vendor)
    bought = story.buy(story.customer(), quantity=2)
    story.happens(bought)
    (gone,) = items_of(story, bought)
    change(story, bought, {"price": story.plan(amount=2900).id, "quantity": 1}, {"id": gone, "deleted": True})
    (item,) = items_of(story, bought)
    (first,) = works(story)

    found = switched(story, bought, item)
    assert found == [found[0], first, found[0], first]
    assert len(story.licenses()) == 3


def test_several_keys_go_there_and_come_back_each_to_its_place(story: Story) -> None:
    make_product(story.vendor)
    bought = story.buy(story.customer(), quantity=3)
    story.happens(bought)
    (item,) = items_of(story, bought)
    before = [(unit.source, unit.ordinal, unit.license_global_id) for unit in story.units()]

    there, back, again, home = _in_turns(switched(story, bought, item), 3)
    assert (there, back) == (again, home)
    assert [(unit.source, unit.ordinal, unit.license_global_id) for unit in story.units()][:3] == before
    assert len(story.licenses()) == 6


def _in_turns(found: list[tuple[int, str]], size: int) -> list[list[tuple[int, str]]]:
    return [found[start : start + size] for start in range(0, len(found), size)]


def test_a_place_that_is_taken_stops_no_switch_and_the_key_that_worked_last_comes_back(story: Story) -> None:
    """As an earlier version left it: the wrong key was opened, the right one waits under the name it would get."""
    make_product(story.vendor)
    bought = two_items(story)
    removed, item = items_of(story, bought)
    change(story, bought, {"id": removed, "deleted": True})
    units = {unit.source: unit for unit in story.units()}
    units[item].source, units[item].blocked_because = f"{item}@1", "moved"
    units[removed].source, units[removed].blocked_because = "elsewhere", ""
    db.session.flush()
    units[removed].source = item
    for license in db.session.scalars(select(License)):
        license.block = license.global_id != units[removed].license_global_id
    db.session.commit()
    (first,) = works(story)

    found = switched(story, bought, item)
    assert found == [found[0], first, found[0], first]


def test_a_switch_that_was_read_in_part_only_opens_the_key_that_waits(story: Story) -> None:
    make_product(story.vendor)
    bought = story.buy(story.customer())
    story.happens(bought)
    (item,) = items_of(story, bought)
    (first,) = works(story)
    change(story, bought, {"id": item, "price": story.plan(product="2").id})
    story.move(seconds=2)
    story.shop.v1.subscriptions.update(bought.id, {"items": [{"id": item, "price": story.plan().id}]})
    story.apply(replace(story.read(bought.id), is_complete=False))
    assert works(story) == [first]

    found = switched(story, bought, item)
    assert found == [found[0], first, found[0], first]


def test_two_items_that_trade_products_never_share_a_key(story: Story) -> None:
    """One takes over the key that the other left; the other comes back and needs a key of its own."""
    make_product(story.vendor)
    first, other = story.plan(), story.plan(product="2")
    bought = two_items(story, other)
    of_price = {item["price"]["id"]: item["id"] for item in story.at_stripe(bought)["items"]["data"]}
    two = of_price.pop(other.id)
    (one,) = of_price.values()
    for item, price in ((one, other), (two, first), (one, first), (two, other), (one, other)):
        change(story, bought, {"id": item, "price": price.id})
        assert len(works(story)) == 2
