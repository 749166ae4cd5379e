"""The rules of the house that no tool checks."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.observe.definitions import MAPPING_METRICS, PROCESS_METRICS
from mqtt_kafka_bridge.observe.metrics import LATENCY_NAME

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROGRAMS = ("bridge_image", "operator", "cli")
MODULE_LINES = 250
FUNCTION_LINES = 40


def modules() -> Iterator[Path]:
    """List the modules of the programs."""
    for program in PROGRAMS:
        yield from sorted((ROOT / program).rglob("*.py"))


def tracked_files() -> Iterator[tuple[str, str]]:
    """List the tracked text files and those about to be, with their content."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        file = ROOT / name
        if file.is_file() and b"\0" not in (content := file.read_bytes()):
            yield name, content.decode()


def test_the_operators_folder_is_no_package() -> None:
    """It would hide the standard library's `operator` from all that is started here."""
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_the_version_is_the_changelogs_newest() -> None:
    """A release without an entry, or the other way round, is a mistake."""
    newest = re.search(r"^## \[([0-9.]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert newest is not None
    assert newest[1] == PYPROJECT["project"]["version"]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    """Sphinx checks those within docs."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text())

    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    """Whoever meets one at night finds it with its cure."""
    assert f"\n| `{reason}` | " in (ROOT / "docs/troubleshooting.md").read_text()


def test_every_word_of_a_refused_message_is_explained() -> None:
    """The words stand in the code where a message is refused."""
    page = (ROOT / "docs/troubleshooting.md").read_text().split("\n## Refused messages\n")[1]
    words = {
        word
        for module in modules()
        for word in re.findall(r'RefusedError\(\s*"(\w+)"', module.read_text())
    }

    assert words
    assert [word for word in sorted(words) if f"\n| `{word}` | " not in page] == []


def test_every_metric_is_documented() -> None:
    """And what is documented exists."""
    page = (ROOT / "docs/reference/metrics.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))

    assert documented == {
        LATENCY_NAME,
        *(metric.name for metric in MAPPING_METRICS),
        *(metric.name for metric in PROCESS_METRICS),
    }


def test_every_metric_that_documents_and_tests_name_exists() -> None:
    """A query on a metric that nobody exports is always empty."""
    names = {LATENCY_NAME, f"{LATENCY_NAME}_bucket", f"{LATENCY_NAME}_count", f"{LATENCY_NAME}_sum"}
    names |= {metric.name for metric in MAPPING_METRICS}
    names |= {metric.name for metric in PROCESS_METRICS}
    for module in (ROOT / "operator/mqtt_kafka_operator/observe").glob("*.py"):
        names |= set(re.findall(r'"(mqttkafka[_]operator_\w+)"', module.read_text()))
    named = {
        (name, metric)
        for name, text in tracked_files()
        for metric in re.findall(r"\bmqttkafka_\w+", text)
    }

    assert {found for found in named if found[1] not in names} == set()


def test_every_runtime_dependency_has_its_reason() -> None:
    """In the table of docs/architecture.md."""
    page = (ROOT / "docs/architecture.md").read_text()
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["bridge"]]
    names = [re.split(r"[^\w-]", requirement)[0] for requirement in wanted]

    assert [name for name in names if f"\n| `{name}`" not in page] == []


def test_the_contract_is_forbidden_every_library_but_pydantic() -> None:
    """The layer's list has to grow with the dependencies."""
    modules_of = {"prometheus-client": "prometheus_client", "pyyaml": "yaml"}
    extras = PYPROJECT["project"]["optional-dependencies"]["bridge"]
    names = {re.split(r"[^\w-]", requirement)[0] for requirement in extras}
    forbidden = next(
        contract["forbidden_modules"]
        for contract in PYPROJECT["tool"]["importlinter"]["contracts"]
        if contract["name"].startswith("The contract imports")
    )

    assert set(forbidden) == {modules_of.get(name, name) for name in names}


@pytest.mark.parametrize(
    ("module", "breach"),
    [
        ("contract/base.py", "import orjson"),
        ("contract/base.py", "from mqtt_kafka_bridge import errors"),
        ("mapping/__init__.py", "import asyncio"),
        ("flows/ports.py", "from mqtt_kafka_bridge import kafka"),
        ("flows/ports.py", "import aiokafka"),
        ("kafka/__init__.py", "import mqtt5"),
        ("coordination/slots.py", "import asyncio"),
        ("coordination/slots.py", "from mqtt_kafka_bridge.flows import ports"),
        ("retire.py", "import mqtt_kafka_cli"),
        ("mqtt/__init__.py", "from mqtt_kafka_bridge.observe import logs"),
        ("newcomer.py", "import json"),
    ],
)
def test_a_breach_of_the_layers_is_found(tmp_path: Path, module: str, breach: str) -> None:
    """The contracts in pyproject.toml have teeth."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package, _ = (
        shutil.copytree(ROOT / program, tmp_path / Path(program).name)
        for program in ("bridge_image/mqtt_kafka_bridge", "cli/mqtt_kafka_cli")
    )
    with (package / module).open("a") as file:
        file.write(f"\n{breach}\n")

    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert linted.returncode == 1
    assert "newcomer" in linted.stdout or "BROKEN" in linted.stdout, linted.stdout


def test_modules_and_functions_are_of_a_size_to_be_read() -> None:
    """What grows over it is split by idea."""
    too_long = []
    for module in modules():
        text = module.read_text()
        if (lines := text.count("\n")) > MODULE_LINES:
            too_long.append(f"{module.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    too_long.append(f"{module.relative_to(ROOT)}: {node.name}: {lines} lines")

    assert too_long == []


def test_nothing_tracked_depends_on_a_machine() -> None:
    """No hosts of package registries, no paths of somebody's home or work folder."""
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "repo1.maven" + ".org", "repo.maven" + ".")
    paths = ("/root" + "/", "/home" + "/", "/work" + "/", "/Users" + "/")
    found = [
        f"{name}: {word}"
        for name, text in tracked_files()
        for word in (*hosts, *paths)
        if word in text
    ]

    assert found == []


def test_every_guarantee_names_tests_that_exist() -> None:
    """A promise without a test is a wish."""
    page = (ROOT / "docs/guarantees.md").read_text()
    promises = re.findall(r"^\| (G\d) .*$", page, re.MULTILINE)
    rows = [line for line in page.splitlines() if re.match(r"\| G\d ", line)]
    named = [re.findall(r"`(tests/[\w/]+\.py|tests/[\w/]+/)`", row) for row in rows]

    assert promises == [f"G{number}" for number in range(1, 9)]
    assert all(named)
    assert [n for names in named for n in names if not (ROOT / n).exists()] == []
