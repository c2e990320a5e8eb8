"""Products."""

from portal.sandbox.engine.catalog import add_price, add_product, check_descriptor
from portal.sandbox.errors import StripeError
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import flag, group, list_of, merged_metadata, metadata, moment_or_range, text, url
from portal.sandbox.resources.prices import INLINE_PRICE

FIELDS = {
    "active": flag,
    "description": text(40_000),
    "images": list_of(url, 8),
    "marketing_features": list_of(group({"name": text(80, clearable=False)}, ("name",)), 15),
    "metadata": metadata,
    "name": text(clearable=False),
    "shippable": flag,
    "statement_descriptor": text(22),
    "tax_code": text(),
    "unit_label": text(12),
    "url": url,
}


@operation("POST", "/v1/products", FIELDS | {"default_price_data": INLINE_PRICE, "id": text()}, ("name",))
def create(call: Call) -> Document:
    """A new product, with a first price if one is described."""
    given = {key: value for key, value in call.params.items() if key in FIELDS or key == "id"}
    product = add_product(call.ledger, given)
    if call.params.get("default_price_data"):
        price = add_price(call.ledger, call.params["default_price_data"] | {"product": product["id"]})
        product = call.ledger.save(product | {"default_price": price["id"]})
    return product


@operation("GET", "/v1/products/<product>")
def retrieve(call: Call) -> Document:
    """One product."""
    return call.ledger.get("product", call.ids["product"], "id", in_path=True)


@operation("POST", "/v1/products/<product>", FIELDS | {"default_price": text()})
def update(call: Call) -> Document:
    """Change what is named, leave the rest."""
    product = call.ledger.get("product", call.ids["product"], "id", in_path=True)
    given = {key: value for key, value in call.params.items() if key != "expand"}
    check_descriptor(given.get("statement_descriptor"))
    if "metadata" in given:
        given["metadata"] = merged_metadata(product["metadata"], given["metadata"])
    if given.get("default_price"):
        price = call.ledger.get("price", given["default_price"], "default_price")
        if price["product"] != product["id"]:
            raise StripeError("The default price must belong to this product.", param="default_price")
    return call.ledger.save(product | given | {"updated": call.ledger.now})


@operation("DELETE", "/v1/products/<product>")
def delete(call: Call) -> Document:
    """Only a product without prices can go."""
    product = call.ledger.get("product", call.ids["product"], "id", in_path=True)
    if call.ledger.all("price", product=product["id"]):
        raise StripeError("This product cannot be deleted because it has one or more user-created prices.")
    return call.ledger.save({"id": product["id"], "object": "product", "deleted": True})


@operation(
    "GET",
    "/v1/products",
    LIST_FIELDS
    | {"active": flag, "created": moment_or_range, "ids": list_of(text()), "shippable": flag, "url": text()},
)
def list_all(call: Call) -> Document:
    """Newest first, by state or ids."""
    equal = {name: call.params[name] for name in ("active", "shippable", "url") if name in call.params}
    among = {"id": call.params["ids"]} if "ids" in call.params else {}
    limits = {"created": call.params["created"]} if "created" in call.params else {}
    return answer_list(call, "product", equal=equal, among=among, limits=limits)
