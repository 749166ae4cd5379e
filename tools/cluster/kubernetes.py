"""The Kubernetes that tests run: one program that is every part, kubectl and etcd included."""

from pathlib import Path

from tools.cluster.go_program import GoProgram

VERSION = "1.34.10"
"""The same as in its `go.mod`; a test holds the two together."""
PARTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
)
"""The same as in its `main.go`."""


def _build_flags() -> tuple[str, ...]:
    major, minor, _ = VERSION.split(".")
    facts = {
        "gitVersion": f"v{VERSION}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    told = (
        f"-X k8s.io/{package}.{name}={value}"
        for package in ("component-base/version", "client-go/pkg/version")
        for name, value in facts.items()
    )
    without_symbols = ("-s", "-w")
    return ("-tags=grpcnotrace", f"-ldflags={' '.join((*without_symbols, *told))}")


KUBERNETES = GoProgram(
    name="kubernetes",
    version=VERSION,
    source=Path(__file__).resolve().parent / "go" / "kubernetes",
    parts=PARTS,
    build_flags=_build_flags(),
)
