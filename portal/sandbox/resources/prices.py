"""Prices: fixed amounts per unit, once or recurring."""

from portal.sandbox.engine.catalog import add_price, add_product
from portal.sandbox.errors import StripeError
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import (
    choice,
    currency,
    flag,
    group,
    list_of,
    merged_metadata,
    metadata,
    moment_or_range,
    text,
    whole,
)

INTERVAL = choice("day", "month", "week", "year")
TAX_BEHAVIOR = choice("exclusive", "inclusive", "unspecified")
AMOUNT = {"currency": currency, "tax_behavior": TAX_BEHAVIOR, "unit_amount": whole(0, 99_999_999)}
RECURRING = {"interval": INTERVAL, "interval_count": whole(1, 1095)}
INLINE_PRICE = group(
    AMOUNT | {"metadata": metadata, "recurring": group(RECURRING, ("interval",))}, ("currency", "unit_amount")
)
CHANGEABLE = {
    "active": flag,
    "lookup_key": text(200),
    "metadata": metadata,
    "nickname": text(),
    "tax_behavior": TAX_BEHAVIOR,
    "transfer_lookup_key": flag,
}
FIELDS = (
    CHANGEABLE
    | AMOUNT
    | {
        "billing_scheme": choice("per_unit"),
        "product": text(clearable=False),
        "product_data": group(
            {
                "active": flag,
                "id": text(),
                "metadata": metadata,
                "name": text(clearable=False),
                "statement_descriptor": text(22),
                "unit_label": text(12),
            },
            ("name",),
        ),
        "recurring": group(RECURRING | {"usage_type": choice("licensed")}, ("interval",)),
    }
)


@operation("POST", "/v1/prices", FIELDS, ("currency", "unit_amount"))
def create(call: Call) -> Document:
    """A new price for a product, or together with a new one."""
    given = dict(call.params)
    if ("product" in given) == ("product_data" in given):
        raise StripeError("You must specify one of `product` or `product_data`.", param="product")
    if "product" in given:
        call.ledger.get("product", given["product"], "product")
    else:
        given["product"] = add_product(call.ledger, given["product_data"])["id"]
    _free_lookup_key(call, None)
    return add_price(call.ledger, given)


@operation("GET", "/v1/prices/<price>")
def retrieve(call: Call) -> Document:
    """One price."""
    return call.ledger.get("price", call.ids["price"], "price", in_path=True)


@operation("POST", "/v1/prices/<price>", CHANGEABLE)
def update(call: Call) -> Document:
    """Amount, currency and interval never change."""
    price = call.ledger.get("price", call.ids["price"], "price", in_path=True)
    given = {key: value for key, value in call.params.items() if key not in ("expand", "transfer_lookup_key")}
    if "metadata" in given:
        given["metadata"] = merged_metadata(price["metadata"], given["metadata"])
    settled = price["tax_behavior"] != "unspecified"
    if settled and given.get("tax_behavior", price["tax_behavior"]) != price["tax_behavior"]:
        raise StripeError("You cannot change `tax_behavior` once it is set.", param="tax_behavior")
    _free_lookup_key(call, price["id"])
    return call.ledger.save(price | given)


@operation(
    "GET",
    "/v1/prices",
    LIST_FIELDS
    | {
        "active": flag,
        "created": moment_or_range,
        "currency": currency,
        "lookup_keys": list_of(text(200), 10),
        "product": text(),
        "recurring": group({"interval": INTERVAL, "usage_type": choice("licensed", "metered")}),
        "type": choice("one_time", "recurring"),
    },
)
def list_all(call: Call) -> Document:
    """Newest first, by product, lookup keys, type and so on."""
    equal = {name: call.params[name] for name in ("active", "currency", "product", "type") if name in call.params}
    equal |= {f"recurring.{name}": value for name, value in (call.params.get("recurring") or {}).items()}
    among = {"lookup_key": call.params["lookup_keys"]} if "lookup_keys" in call.params else {}
    limits = {"created": call.params["created"]} if "created" in call.params else {}
    return answer_list(call, "price", equal=equal, among=among, limits=limits)


def _free_lookup_key(call: Call, own_id: str | None) -> None:
    """A lookup key belongs to one price; it moves only when that is asked for."""
    key = call.params.get("lookup_key")
    for holder in call.ledger.all("price", lookup_key=key) if key else []:
        if holder["id"] == own_id:
            continue
        if not call.params.get("transfer_lookup_key"):
            raise StripeError(
                f"A price (`{holder['id']}`) already uses that lookup key.",
                code="resource_already_exists",
                param="lookup_key",
            )
        call.ledger.save(holder | {"lookup_key": None})
