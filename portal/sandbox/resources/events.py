"""Events: what happened in the last thirty days."""

from typing import Any

from portal.sandbox.errors import StripeError
from portal.sandbox.expansion import present
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import flag, list_of, moment_or_range, text

KEPT_SECONDS = 30 * 86_400
UNDELIVERED = "EXISTS (SELECT 1 FROM deliveries WHERE event = objects.id AND state != 'delivered')"


@operation("GET", "/v1/events/<event>")
def retrieve(call: Call) -> Document:
    """One event."""
    return present(call.ledger, call.ledger.get("event", call.ids["event"], "id", in_path=True))


@operation(
    "GET",
    "/v1/events",
    LIST_FIELDS
    | {
        "created": moment_or_range,
        "delivery_success": flag,
        "type": text(clearable=False),
        "types": list_of(text(clearable=False), 20),
    },
)
def list_all(call: Call) -> Document:
    """Newest first. `type` may hold `*`; `delivery_success` false: some endpoint has not taken it."""
    given = call.params
    if "type" in given and "types" in given:
        raise StripeError("You may only specify one of these parameters: type, types.", param="types")
    where: list[tuple[str, list[Any]]] = [("created > ?", [call.ledger.now - KEPT_SECONDS])]
    if "type" in given:
        where.append(("json_extract(body, '$.type') GLOB ?", [given["type"].replace("[", "[[]")]))
    if "delivery_success" in given:
        where.append((f"NOT {UNDELIVERED}" if given["delivery_success"] else UNDELIVERED, []))
    among = {"type": given["types"]} if given.get("types") else {}
    limits = {"created": given["created"]} if "created" in given else {}
    return answer_list(call, "event", among=among, limits=limits, where=where)
