"""Write every file that is made from code: CRD, its copy in the chart, reference pages.

`--check` only compares.

Run by `make generate`; `make check` runs it with `--check`, which fails on any difference.
"""

import argparse
import difflib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mqtt_kafka_bridge.contract import BridgeConfig, BridgeStatus
from mqtt_kafka_bridge.contract.base import Contract
from mqtt_kafka_bridge.observe.definitions import (
    MAPPING_LABELS,
    MAPPING_METRICS,
    PROCESS_LABELS,
    PROCESS_METRICS,
)
from mqtt_kafka_bridge.observe.metrics import LATENCY_NAME, LATENCY_TEXT
from mqtt_kafka_operator.conditions import condition_sections
from tools.api_reference import api_sections
from tools.crd_files import crd_files
from tools.markdown import COMMAND, page, table

ROOT = Path(__file__).parent.parent
REFERENCE = Path("docs/reference")
MOST_WORDS = 10
"""A longer list of words is not spelled out in a table."""
Schema = dict[str, Any]


def main() -> int:
    """Write the files, or say how they differ; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail on a difference")
    check = parser.parse_args().check
    stale = False
    for path, text in pages().items():
        file = ROOT / path
        old = file.read_text() if file.exists() else ""
        if check and old != text:
            stale = True
            lines = difflib.unified_diff(old.splitlines(), text.splitlines(), str(path), "code")
            print(*lines, sep="\n", file=sys.stderr)
        elif not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    if stale:
        print(f"\nThe files above are older than the code. Run: {COMMAND}", file=sys.stderr)
    return int(stale)


def pages() -> dict[Path, str]:
    """Return the text of each generated file."""
    return {
        REFERENCE / "configuration.md": page(
            "Configuration",
            "Every field of the one file that a bridge reads, in YAML or JSON. An unknown key is "
            "an error. Passwords and certificates are named by the path of their file. "
            "`mqtt-kafka-bridge check FILE` says every mistake at once.",
            model_sections(BridgeConfig),
        ),
        REFERENCE / "status.md": page(
            "Status",
            "What `/status` answers, in JSON. The reasons stand in "
            "[troubleshooting](../troubleshooting.md).",
            model_sections(BridgeStatus),
        ),
        REFERENCE / "metrics.md": page(
            "Metrics",
            "What `/metrics` serves, as OpenMetrics or as classic text, whichever the scraper "
            "asks for. No series has a `namespace` label of ours: the scrape adds it.",
            metric_sections(),
        ),
        REFERENCE / "api.md": page(
            "API: MqttKafkaBridge",
            "Every field of the resource, and what the API server says to whoever breaks a rule. "
            "`kubectl explain mkb.spec` shows the same fields. The words of the status have a "
            "page of [their own](conditions.md).",
            api_sections(),
        ),
        REFERENCE / "conditions.md": page(
            "Conditions",
            "The fixed words of the status of a `MqttKafkaBridge`; `kubectl describe` shows them.",
            conditions(),
        ),
        **crd_files(),
    }


def conditions() -> Iterator[str]:
    """Describe every condition and every reason of the operator."""
    for title, text, head, rows in condition_sections():
        yield f"## {title}\n\n{text}"
        yield table(head, rows)


def model_sections(model: type[Contract]) -> Iterator[str]:
    """Describe a model and each model in it once, under the paths where it stands."""
    types = model.model_json_schema(mode="validation")
    # Defaults as they are written in a file: durations as 30s, not as ISO 8601.
    written = model.model_json_schema(mode="serialization")
    for name, paths in _paths(types).items():
        schema = types["$defs"][name] if name else types
        defaults = (written["$defs"][name] if name else written)["properties"]
        title = ", ".join(f"`{path}`" for path in paths) or "The whole"
        yield f"## {title}\n\n{schema['description']}"
        rows = [
            (
                f"`{field}`",
                _type(form, types["$defs"]),
                _default(field, schema, defaults[field], section=_model(form, types["$defs"])),
                _meaning(form, types["$defs"]),
            )
            for field, form in schema["properties"].items()
        ]
        yield table(("field", "type", "default", "meaning"), rows)


def _paths(types: Schema) -> dict[str, list[str]]:
    """Return where each model stands, in the order of the file; the outermost has no name."""
    paths: dict[str, list[str]] = {"": []}

    def walk(schema: Schema, prefix: str) -> None:
        for field, form in schema["properties"].items():
            name = _model(form, types["$defs"])
            if name is not None:
                path = f"{prefix}{field}" + ("[]" if form.get("type") == "array" else "")
                paths.setdefault(name, []).append(path)
                walk(types["$defs"][name], f"{path}.")

    walk(types, "")
    return paths


def _forms(form: Schema) -> Iterator[Schema]:
    """List what a field may be: itself, its alternatives, its items."""
    for option in (form, *form.get("anyOf", ())):
        yield option
        yield from filter(None, [option.get("items")])


def _refers(form: Schema) -> str | None:
    return next((f["$ref"].rsplit("/", 1)[1] for f in _forms(form) if "$ref" in f), None)


def _model(form: Schema, models: Schema) -> str | None:
    """Return the name of the model that a field holds, if it holds one."""
    name = _refers(form)
    return name if name is not None and "properties" in models[name] else None


def _type(form: Schema, models: Schema) -> str:
    """Return a type as a reader says it."""
    form = next(f for f in (*form.get("anyOf", ()), form) if f.get("type") != "null")
    if form.get("type") == "array":
        return f"list of {_type(form['items'], models)}s"
    if form.get("type") == "object":
        return f"map of string to {_type(form['additionalProperties'], models)}"
    if "$ref" in form:
        return "section" if _model(form, models) else _type(models[_refers(form) or ""], models)
    if words := form.get("enum", [form["const"]] if "const" in form else []):
        few = len(words) <= MOST_WORDS
        return " | ".join(f"`{w}`" for w in words) if few else f"one of {len(words)} fixed words"
    kind = str(form.get("format", form["type"]))
    low, high = form.get("minimum"), form.get("maximum")
    if low is None:
        return kind
    return f"{kind}, from {low:,}" if high is None else f"{kind}, {low:,} to {high:,}"


def _default(name: str, schema: Schema, written: Schema, *, section: str | None) -> str:
    if name in schema.get("required", ()):
        return "required"
    default = written.get("default")
    if default is None:
        return "none"
    return "see below" if section and default else f"`{json.dumps(default)}`"


def _meaning(form: Schema, models: Schema) -> str:
    text = str(
        form.get("description") or models.get(_refers(form) or "", {}).get("description", "")
    )
    return text.replace("<", "&lt;")


def metric_sections() -> Iterator[str]:
    """Describe every metric."""
    head = ("name", "type", "labels", "meaning")
    labels = ", ".join(f"`{label}`" for label in MAPPING_LABELS)
    yield f"## Of each mapping\n\nEach of these also has the labels {labels}."
    rows = [_metric(m.name, m.kind, m.labels, m.text) for m in MAPPING_METRICS]
    yield table(head, [*rows, _metric(LATENCY_NAME, "histogram", (), LATENCY_TEXT)])
    labels = ", ".join(f"`{label}`" for label in PROCESS_LABELS)
    yield f"## Of the process\n\nEach of these also has the label {labels}."
    yield table(head, [_metric(m.name, m.kind, m.labels, m.text) for m in PROCESS_METRICS])
    yield (
        "Besides there are the usual `process_*` metrics: CPU seconds, resident memory, open files "
        "and start time."
    )


def _metric(name: str, kind: str, labels: tuple[str, ...], text: str) -> tuple[str, ...]:
    return f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), text


if __name__ == "__main__":
    sys.exit(main())
