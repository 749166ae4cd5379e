"""Kubeconfigs: files that say where an API is and who asks."""

import json
from pathlib import Path


def kubeconfig(
    port: int, authority_file: Path, token: str, *, namespace: str = "default"
) -> dict[str, object]:
    """Return the content of one, for a port of the loopback interface.

    Args:
        port: of the API server, or of a proxy before it.
        authority_file: of the server's certificate.
        token: of who asks.
        namespace: where kubectl is when none is named.
    """
    cluster = {
        "server": f"https://127.0.0.1:{port}",
        "certificate-authority": str(authority_file),
    }
    context = {"cluster": "tests", "user": "tests", "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": cluster}],
        "users": [{"name": "tests", "user": {"token": token}}],
        "contexts": [{"name": "tests", "context": context}],
        "current-context": "tests",
    }


def write_kubeconfig(file: Path, content: dict[str, object]) -> Path:
    """Write one; nobody else may read it."""
    file.touch(mode=0o600)
    file.write_text(json.dumps(content, indent=2))
    return file
