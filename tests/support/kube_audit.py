"""The API server's audit log: who called what, and what was answered."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITING = frozenset({"create", "update", "patch", "delete", "deletecollection"})
"""The verbs that change something."""
POLICY: dict[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
"""Every call once it is answered, and every watch when it begins and when it ends."""


@dataclass(frozen=True)
class Call:
    """One call, as it was answered."""

    user: str
    verb: str
    group: str
    """Empty for the core group."""
    resource: str
    """With its subresource, as in a Role: `deployments/scale`; empty for other paths."""
    namespace: str
    name: str
    code: int
    path: str
    agent: str
    began: bool
    """It is a watch that begins; when it ends there is another one."""


class AuditLog:
    """What the API server has written down; a call is there a moment after its answer.

    Args:
        file: may not be there yet.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def mark(self) -> int:
        """Return the place that has been reached, for `since`."""
        return self.file.stat().st_size if self.file.exists() else 0

    def calls(
        self, since: int = 0, *, user: str | None = None, verbs: Collection[str] | None = None
    ) -> list[Call]:
        """Return the calls after a mark, by everybody or one user, with any verb or some.

        Args:
            since: a mark.
            user: for a ServiceAccount `system:serviceaccount:<namespace>:<name>`.
            verbs: such as `WRITING`.
        """
        with self.file.open("rb") as file:
            file.seek(since)
            text = file.read()
        complete = text[: text.rfind(b"\n") + 1]
        calls = map(_call, complete.splitlines())
        return [
            call
            for call in calls
            if (user is None or call.user == user) and (verbs is None or call.verb in verbs)
        ]


def _call(line: bytes) -> Call:
    event = json.loads(line)
    what = event.get("objectRef", {})
    resource = what.get("resource", "")
    if subresource := what.get("subresource"):
        resource = f"{resource}/{subresource}"
    return Call(
        user=event["user"].get("username", ""),
        verb=event["verb"],
        group=what.get("apiGroup", ""),
        resource=resource,
        namespace=what.get("namespace", ""),
        name=what.get("name", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        path=event["requestURI"],
        agent=event.get("userAgent", ""),
        began=event["stage"] == "ResponseStarted",
    )
