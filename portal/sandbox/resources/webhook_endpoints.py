"""Webhook endpoints: where events are sent."""

from portal.sandbox import ids
from portal.sandbox.errors import StripeError
from portal.sandbox.expansion import present
from portal.sandbox.ledger import Document
from portal.sandbox.operations import LIST_FIELDS, Call, answer_list, operation
from portal.sandbox.params import flag, list_of, merged_metadata, metadata, text, url

KIND = "webhook_endpoint"
MOST = 16
FIELDS = {
    "description": text(),
    "enabled_events": list_of(text(clearable=False), 300),
    "metadata": metadata,
    "url": url,
}


@operation("POST", "/v1/webhook_endpoints", FIELDS | {"api_version": text(clearable=False)}, ("enabled_events", "url"))
def create(call: Call) -> Document:
    """A new endpoint. Its secret is in this answer and in no other."""
    _check(call)
    if len(call.ledger.all(KIND)) >= MOST:
        raise StripeError(f"You have reached the maximum of {MOST} test webhook endpoints.")
    secret = f"whsec_{ids.random_text(32)}"
    endpoint = call.ledger.add(
        KIND,
        {
            "api_version": call.params.get("api_version"),
            "application": None,
            "description": call.params.get("description"),
            "enabled_events": call.params["enabled_events"],
            "livemode": False,
            "metadata": merged_metadata({}, call.params.get("metadata") or {}),
            "status": "enabled",
            "url": call.params["url"],
            "_more": {"secret": secret},
        },
    )
    return present(call.ledger, endpoint) | {"secret": secret}


@operation("GET", "/v1/webhook_endpoints/<endpoint>")
def retrieve(call: Call) -> Document:
    """One endpoint, without its secret."""
    return present(call.ledger, _find(call))


@operation("POST", "/v1/webhook_endpoints/<endpoint>", FIELDS | {"disabled": flag})
def update(call: Call) -> Document:
    """Change what is named; `disabled` switches it off and on."""
    _check(call)
    endpoint = _find(call)
    given = {name: call.params[name] for name in ("description", "enabled_events", "url") if name in call.params}
    if "metadata" in call.params:
        given["metadata"] = merged_metadata(endpoint["metadata"], call.params["metadata"])
    if "disabled" in call.params:
        given["status"] = "disabled" if call.params["disabled"] else "enabled"
    return present(call.ledger, call.ledger.save(endpoint | given))


@operation("DELETE", "/v1/webhook_endpoints/<endpoint>")
def delete(call: Call) -> Document:
    """Nothing is sent there any more."""
    return call.ledger.save({"id": _find(call)["id"], "object": KIND, "deleted": True})


@operation("GET", "/v1/webhook_endpoints", LIST_FIELDS)
def list_all(call: Call) -> Document:
    """Newest first."""
    return answer_list(call, KIND)


def _find(call: Call) -> Document:
    return call.ledger.get(KIND, call.ids["endpoint"], "webhook_endpoint", in_path=True)


def _check(call: Call) -> None:
    if call.params.get("enabled_events") == []:
        raise StripeError("You must subscribe to at least one event.", param="enabled_events")
    if "url" in call.params and not call.params["url"]:
        raise StripeError("Invalid URL: it must not be empty.", code="url_invalid", param="url")
