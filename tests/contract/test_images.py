"""The Dockerfiles copy what exists, and each image holds no more than its program imports."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@dataclass(frozen=True)
class Image:
    """A program's image: where its Dockerfile is, and which extra and packages it needs."""

    dockerfile: str
    extra: str
    packages: tuple[str, ...]

    @property
    def text(self) -> str:
        """The Dockerfile, each instruction on one line."""
        return (ROOT / self.dockerfile).read_text().replace("\\\n", " ")

    def sources(self) -> list[str]:
        """Return what is copied from the repository."""
        copied = re.findall(r"^COPY (?!--from)(.+)$", self.text, re.MULTILINE)
        return [source for line in copied for source in line.split()[:-1]]


IMAGES = {
    "bridge": Image("bridge_image/Dockerfile", "bridge", ("bridge_image/mqtt_kafka_bridge",)),
    "operator": Image(
        "operator/Dockerfile",
        "operator",
        ("operator/mqtt_kafka_operator", "bridge_image/mqtt_kafka_bridge/contract"),
    ),
}
EACH = pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)


def reaches_the_build(source: str) -> bool:
    """Tell whether .dockerignore lets a path through: the last line that fits it decides."""
    through = True
    for line in (ROOT / ".dockerignore").read_text().split():
        pattern = line.removeprefix("!")
        parents = [source, *map(str, Path(source).parents)]
        if any(fnmatch(path, pattern) for path in parents if path != "."):
            through = line.startswith("!")
    return through


def imports(folder: Path) -> Iterator[str]:
    """List the modules that a package imports."""
    for module in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module


@EACH
def test_what_an_image_copies_exists_and_reaches_the_build(image: Image) -> None:
    """Everything else is left out by .dockerignore."""
    sources = image.sources()

    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if not reaches_the_build(source)] == []


@EACH
def test_an_image_holds_its_program(image: Image) -> None:
    """All packages that it needs."""
    assert set(image.packages) <= {str(Path(source)) for source in image.sources()}


def test_the_operators_image_holds_of_the_bridge_what_the_operator_imports() -> None:
    """The contract, and nothing that moves messages."""
    wanted = {
        name
        for name in imports(ROOT / "operator/mqtt_kafka_operator")
        if name.startswith("mqtt_kafka_bridge")
    }

    assert wanted
    assert {name for name in wanted if not name.startswith("mqtt_kafka_bridge.contract")} == set()


@EACH
def test_an_image_installs_what_its_extra_names(image: Image) -> None:
    """From a lock with hashes, which holds every requirement of the extra."""
    lock = f"locks/{image.extra}.txt"
    pinned = re.findall(r"^([a-z0-9-]+)(?:\[\S+\])?==", (ROOT / lock).read_text(), re.MULTILINE)
    wanted = {re.split(r"[^\w-]", requirement)[0] for requirement in EXTRAS[image.extra]}

    assert lock in image.sources()
    assert f"--require-hashes -r {lock}" in image.text
    assert wanted - set(pinned) == set()


@EACH
def test_an_image_runs_as_nobody_and_writes_nothing(image: Image) -> None:
    """As restricted pods demand, on any base."""
    last = image.text.split("\nFROM ")[-1]

    assert last.startswith("${BASE}\n")
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert "PYTHONDONTWRITEBYTECODE=1" in last
    assert "\nEXPOSE 8080\n" in last
    assert "\nRUN " not in last


@EACH
def test_make_builds_every_image(image: Image) -> None:
    """By whichever engine is there."""
    assert f"--file {image.dockerfile} ." in (ROOT / "Makefile").read_text()
