"""The reference page of the API, from the CRD: what `kubectl explain` knows, and the rules."""

from collections.abc import Iterator
from typing import Any

from mqtt_kafka_operator.api.rules import VALIDATIONS
from mqtt_kafka_operator.crd import custom_resource_definition
from tools.markdown import table

Schema = dict[str, Any]


def api_sections() -> Iterator[str]:
    """Describe the resource, and each object in it once."""
    crd = custom_resource_definition()
    resource = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    yield f"## The resource\n\n{resource['description']}"
    yield _refusals(resource)
    for part in ("spec", "status"):
        for paths, text, schema in _objects(resource["properties"][part], part):
            title = ", ".join(f"`{path}`" for path in paths)
            yield f"## {title}" + (f"\n\n{_plain(text)}" if text else "")
            yield _fields(schema)
            if refusals := _refusals(schema):
                yield refusals


def _objects(schema: Schema, path: str) -> Iterator[tuple[list[str], str, Schema]]:
    """List the objects with fields in the order of the resource, alike ones together.

    Each with its paths, and with its description where that is true of all of them.
    """
    found: list[tuple[list[str], set[str], Schema]] = []

    def walk(schema: Schema, path: str) -> None:
        bare = {key: value for key, value in schema.items() if key != "description"}
        for paths, texts, known in found:
            if bare == known:
                paths.append(path)
                texts.add(schema["description"])
                return
        found.append(([path], {schema["description"]}, bare))
        for name, field in schema["properties"].items():
            inner = field["items"] if field["type"] == "array" else field
            if "properties" in inner:
                walk(inner, f"{path}.{name}" + ("[]" if inner is not field else ""))

    walk(schema, path)
    for paths, texts, known in found:
        yield paths, texts.pop() if len(texts) == 1 else "", known


def _fields(schema: Schema) -> str:
    required = schema.get("required", ())
    rows = [
        (
            f"`{name}`",
            _type(field),
            ("**Required.** " if name in required else "") + _plain(field["description"]),
        )
        for name, field in schema["properties"].items()
    ]
    return table(("field", "type", "meaning"), rows)


def _type(schema: Schema) -> str:
    """Return a type as a reader says it."""
    if "enum" in schema:
        return " | ".join(f"`{word}`" for word in schema["enum"])
    match schema.get("type", "quantity"):
        case "array":
            key = "".join(schema.get("x-kubernetes-list-map-keys", ()))
            items = f"list of {_type(schema['items'])}s"
            return f"{items}, by `{key}`" if key else items
        case "object" if "additionalProperties" in schema:
            return f"map of string to {_type(schema['additionalProperties'])}"
        case "integer" if schema["maximum"] < 2**31 - 1:
            return f"integer, {schema['minimum']:,} to {schema['maximum']:,}"
        case kind:
            rules = " ".join(rule["rule"] for rule in schema.get(VALIDATIONS, ()))
            words = "duration" if "duration(self)" in rules else schema.get("format", kind)
            return str(words if kind == "string" else kind)


def _refusals(schema: Schema) -> str:
    """List what the API server says to whoever breaks a rule of an object or of its values."""
    said = [(rule.get("fieldPath", "")[1:], rule) for rule in schema.get(VALIDATIONS, ())]
    for name, field in schema["properties"].items():
        inner, path = None if "properties" in field else field, name
        while inner:
            said += [(path, rule) for rule in inner.get(VALIDATIONS, ())]
            inner, path = _values(inner), f"{path}[]"
    lines = [f"- `{path}` {_plain(rule['message'])}." for path, rule in said if path]
    lines += [f"- It {_plain(rule['message'])}." for path, rule in said if not path]
    return "\n".join(("Refused, in these words:", "", *lines)) if lines else ""


def _values(schema: Schema) -> Schema | None:
    """Return the schema of what is in a list or a map, where that is no object of its own."""
    inner: Schema | None = schema.get("items") or schema.get("additionalProperties")
    return None if inner is None or "properties" in inner else inner


def _plain(text: str) -> str:
    return text.replace("<", "&lt;")
