"""From a model of the API to a structural schema: what a CRD can say, and nothing that it can't.

Strict on purpose: an API server prunes keywords that it does not know without a word, and the
field is then not checked. So whatever is not known here is refused when the CRD is generated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from mqtt_kafka_bridge.contract.base import format_duration
from mqtt_kafka_operator.api.base import ApiModel
from mqtt_kafka_operator.api.rules import LIST_KEY, STORED_DEFAULT, VALIDATIONS
from mqtt_kafka_operator.schema_rules import NotStructuralError, checked_pattern, checked_rules

Schema = dict[str, Any]
_INT32 = 2**31 - 1
_EXACT = 2**53
"""The API server reads bounds as floating point: 2**63 - 1 overflows, and all is refused."""
_ANYWHERE = {"type", "title", "description", "default", "examples", VALIDATIONS, STORED_DEFAULT}
_WORDS = {
    "boolean": set[str](),
    "integer": {"minimum", "maximum", "enum", "const"},
    "string": {"minLength", "maxLength", "enum", "const", "format"},
    "array": {"items", "minItems", "maxItems", LIST_KEY},
    "object": {"properties", "required", "additionalProperties", "propertyNames", "maxProperties"},
}


class _JsonSchema(GenerateJsonSchema):
    """Pydantic's, with durations as users write them."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - any default
        """Return a default as it stands in a resource."""
        if isinstance(dft, timedelta):
            return format_duration(dft)
        return super().encode_default(dft)


def structural_schema(model: type[ApiModel]) -> Schema:
    """Return the schema of a model.

    Raises:
        NotStructuralError: it has something that a CRD can't say.
    """
    schema = model.model_json_schema(schema_generator=_JsonSchema)
    return _Translator(schema.pop("$defs", {})).schema(schema, model.__name__)


@dataclass(frozen=True, slots=True)
class _Translator:
    models: Mapping[str, Schema]
    within: tuple[str, ...] = ()
    """Models around the present one."""

    def schema(self, form: Schema, at: str) -> Schema:
        if (reference := form.get("$ref")) is not None:
            return self._model(str(reference).rsplit("/", 1)[1], form, at)
        if "anyOf" in form:
            return self._either(form, at)
        kind = form.get("type")
        if kind not in _WORDS:
            raise NotStructuralError(at, f"has the type {kind!r}; a CRD needs one of its own")
        if unknown := form.keys() - _ANYWHERE - _WORDS[kind]:
            raise NotStructuralError(at, f"has {', '.join(sorted(unknown))}, which no CRD knows")
        parts = getattr(self, f"_{kind}")(form, at)
        rules = [*parts.pop(VALIDATIONS, []), *form.get(VALIDATIONS, [])]
        schema: Schema = _head(form) | {"type": kind} | parts
        if rules:
            schema[VALIDATIONS] = checked_rules(rules, schema, at)
        return schema

    def _model(self, name: str, form: Schema, at: str) -> Schema:
        if name in self.within:
            raise NotStructuralError(at, f"holds {name} within {name}; a CRD has no recursion")
        here = {key: value for key, value in form.items() if key != "$ref"}
        return _Translator(self.models, (*self.within, name)).schema(
            _joined(self.models[name], here), at
        )

    def _either(self, form: Schema, at: str) -> Schema:
        """Translate an optional value, or the one union that a CRD knows."""
        here = {key: value for key, value in form.items() if key != "anyOf"}
        options = [option for option in form["anyOf"] if option != {"type": "null"}]
        if len(options) == 1:
            if "default" not in form:
                raise NotStructuralError(at, "must stand and may be null; give it a default")
            here.pop("default")
            return self.schema(_joined(options[0], here), at)
        if [option.get("type") for option in options] != ["integer", "string"]:
            raise NotStructuralError(at, "is a union; write a type and optional fields, with rules")
        text = options[1]
        if unknown := (here.keys() - _ANYWHERE) | (text.keys() - {"type", "maxLength", "pattern"}):
            raise NotStructuralError(at, f"has {', '.join(sorted(unknown))} beside a union")
        return _head(here) | {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": _bound(text, "maxLength", at),
            "pattern": checked_pattern(text.get("pattern", "^$"), at),
        }

    def _boolean(self, _form: Schema, _at: str) -> Schema:
        return {}

    def _integer(self, form: Schema, at: str) -> Schema:
        if words := _words(form):
            return {"format": "int32", "enum": words}
        low, high = _bound(form, "minimum", at), _bound(form, "maximum", at)
        if not -_EXACT <= low <= high <= _EXACT:
            raise NotStructuralError(at, f"is from {low} to {high}; keep within 2**53")
        wide = max(-low, high) > _INT32
        return {"format": "int64" if wide else "int32", "minimum": low, "maximum": high}

    def _string(self, form: Schema, at: str) -> Schema:
        if words := _words(form):
            return {"enum": words}
        if (spelling := form.get("format")) is not None:
            if spelling != "date-time":
                raise NotStructuralError(at, f"has the format {spelling}; write a rule instead")
            return {"format": spelling}
        least = {"minLength": form["minLength"]} if "minLength" in form else {}
        return {**least, "maxLength": _bound(form, "maxLength", at)}

    def _array(self, form: Schema, at: str) -> Schema:
        items = self.schema(form["items"], f"{at}[]")
        key = form.get(LIST_KEY, "name" if "name" in items.get("required", ()) else None)
        least = {"minItems": form["minItems"]} if "minItems" in form else {}
        bounds = {**least, "maxItems": _bound(form, "maxItems", at)}
        if key is None:
            return {"x-kubernetes-list-type": "atomic", **bounds, "items": items}
        if key not in items.get("required", ()):
            raise NotStructuralError(at, f"is told apart by {key}, which its items may leave out")
        kind = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
        return {**kind, **bounds, "items": items}

    def _object(self, form: Schema, at: str) -> Schema:
        others = form.get("additionalProperties")
        if others in (None, True):
            properties = {
                name: self.schema(field, f"{at}.{name}")
                for name, field in form.get("properties", {}).items()
            }
            for name, field in properties.items():
                if "description" not in field:
                    raise NotStructuralError(f"{at}.{name}", "has no description")
            required = {"required": form["required"]} if "required" in form else {}
            kept = {"x-kubernetes-preserve-unknown-fields": True} if others else {}
            if not properties and not kept:
                raise NotStructuralError(at, "has no field")
            return {**kept, **required, **({"properties": properties} if properties else {})}
        if "properties" in form or others is False:
            raise NotStructuralError(at, "has fields and limits others; a CRD does the one only")
        longest = _bound(form.get("propertyNames", {}), "maxLength", f"{at}.<key>")
        rule = {
            "rule": f"self.all(k, k != '' && size(k) <= {longest})",
            "message": f"has a key that is empty or too long; write 1 to {longest} characters",
        }
        return {
            "maxProperties": _bound(form, "maxProperties", at),
            "additionalProperties": self.schema(others, f"{at}.*"),
            VALIDATIONS: [rule],
        }


def _joined(inner: Schema, outer: Schema) -> Schema:
    """Return a value's schema with what its field adds; the rules of both hold."""
    rules = [*inner.get(VALIDATIONS, []), *outer.get(VALIDATIONS, [])]
    return inner | outer | ({VALIDATIONS: rules} if rules else {})


def _words(form: Schema) -> list[Any]:
    return list(form.get("enum", [form["const"]] if "const" in form else []))


def _bound(form: Schema, word: str, at: str) -> int:
    if word not in form:
        raise NotStructuralError(at, f"has no {word}; the cost of rules is counted by such bounds")
    return int(form[word])


def _head(form: Schema) -> Schema:
    """Return description and default.

    Only a default that is marked is stored by the API server; of the others users read.
    """
    if not (text := form.get("description")):
        return {}
    default = form.get("default")
    if form.get(STORED_DEFAULT):
        return {"description": f"{text} Default: {_spelled(default)}.", "default": default}
    plain = default in (None, "") or isinstance(default, list | dict)
    return {"description": text if plain else f"{text} Default: {_spelled(default)}."}


def _spelled(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)
