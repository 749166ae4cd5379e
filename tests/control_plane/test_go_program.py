"""What the cluster runs is compiled once, from what is pinned."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tools.cluster import golang
from tools.cluster.go_program import GoProgram
from tools.cluster.kubernetes import KUBERNETES, PARTS, VERSION
from tools.components.programs import MissingComponentError

_GOOD = 'package main\n\nfunc main() { println("hello") }\n'


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GoProgram:
    """A small program, and a cache of the test's own; what Go has compiled before is used."""
    monkeypatch.setenv("GOCACHE", golang.environment()["GOCACHE"])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "hello"
    source.mkdir()
    (source / "go.mod").write_text("module hello\n\ngo 1.24.0\n")
    (source / "main.go").write_text(_GOOD)
    return GoProgram(name="hello", version="1", source=source, parts=("greeter",))


def test_the_pins_agree() -> None:
    pinned = (KUBERNETES.source / "go.mod").read_text()
    program = (KUBERNETES.source / "main.go").read_text()
    parts = re.findall(r'^\t"([a-z-]+)": ', program, re.MULTILINE)

    assert f"\tk8s.io/kubernetes v{VERSION}\n" in pinned
    assert sorted(PARTS) == parts


def test_a_program_is_built_once(program: GoProgram, capfd: pytest.CaptureFixture[str]) -> None:
    program.build()
    assert "hello 1: go build" in capfd.readouterr().out

    program.build()

    assert capfd.readouterr().out == ""
    assert Path(program.command("hello")).is_file()
    assert Path(program.command("greeter")).readlink() == Path("hello")


def test_of_two_that_want_it_one_builds_it(
    program: GoProgram, capfd: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor() as pool:
        for built in [pool.submit(program.build) for _ in range(2)]:
            built.result()

    said = capfd.readouterr().out
    assert said.count("hello 1: go build, ") == 2, "when it begins, and when it ends"
    assert "hello 1: another process makes it; waiting ..." in said


def test_what_does_not_compile_says_why_and_leaves_nothing(program: GoProgram) -> None:
    (program.source / "main.go").write_text(_GOOD.replace("println", "whisper"))

    with pytest.raises(MissingComponentError, match="undefined: whisper"):
        program.build()

    with pytest.raises(MissingComponentError, match="is not built; run: "):
        program.command("hello")
    assert [path.suffix for path in program.home.parent.glob("hello-*")] == [".lock"]


def test_another_source_is_another_program(program: GoProgram) -> None:
    before = program.home

    (program.source / "main.go").write_text(_GOOD.replace("hello", "good morning"))

    assert program.home != before
