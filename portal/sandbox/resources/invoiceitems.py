"""Invoice items: lines put on a draft by hand."""

from portal.sandbox.engine import drafting
from portal.sandbox.engine.catalog import add_price, add_product
from portal.sandbox.errors import StripeError
from portal.sandbox.expansion import present
from portal.sandbox.ledger import Document
from portal.sandbox.operations import Call, operation
from portal.sandbox.params import currency, group, text, whole


@operation(
    "POST",
    "/v1/invoiceitems",
    {
        "amount": whole(0, 99_999_999),
        "currency": currency,
        "customer": text(clearable=False),
        "description": text(),
        "invoice": text(clearable=False),
        "pricing": group({"price": text(clearable=False)}, ("price",)),
        "quantity": whole(1, 999_999),
    },
    ("customer", "invoice"),
)
def create(call: Call) -> Document:
    """A line on a draft: a price and quantity, or an amount with a description. The sandbox wants the invoice named."""
    given = call.params
    invoice = call.ledger.get("invoice", given["invoice"], "invoice")
    if invoice["customer"] != given["customer"]:
        raise StripeError("The invoice belongs to another customer.", param="customer")
    quantity = given.get("quantity", 1)
    if ("pricing" in given) == ("amount" in given):
        raise StripeError("You must specify one of `amount` or `pricing`.", param="amount")
    if "pricing" in given:
        price = call.ledger.get("price", given["pricing"]["price"], "pricing[price]")
        name = str((call.ledger.find("product", price["product"]) or {}).get("name", price["product"]))
        amount = price["unit_amount"] * quantity
    else:
        name, amount = str(given.get("description") or "Invoice item"), given["amount"]
        product = add_product(call.ledger, {"name": name, "active": False})
        unit = {"currency": given.get("currency") or invoice["currency"], "unit_amount": amount}
        price, quantity = add_price(call.ledger, unit | {"product": product["id"], "active": False}), 1
    item = drafting.add_item(call.ledger, invoice, price, quantity, given.get("description") or name, amount)
    return present(call.ledger, item)


@operation("GET", "/v1/invoiceitems/<item>")
def retrieve(call: Call) -> Document:
    """One invoice item."""
    return present(call.ledger, call.ledger.get("invoiceitem", call.ids["item"], "invoiceitem", in_path=True))
