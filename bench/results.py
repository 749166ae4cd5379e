"""The result file: everything that was measured, and on what, as JSON."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import plot, pods, report, surroundings
from bench.memory import Memory
from bench.trial import Outcome


@dataclass
class Results:
    """What a command of `python -m bench` found."""

    facts: dict[str, Any]
    outcomes: list[Outcome] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    pods: list[Outcome] = field(default_factory=list)

    @classmethod
    def begin(cls, settings: dict[str, Any], kafka: str) -> "Results":
        """Note what the results stand on, before anything runs."""
        return cls(
            {
                "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "revision": surroundings.revision(),
                "machine": surroundings.machine(),
                "versions": surroundings.versions(kafka),
                "settings": settings,
            }
        )

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read a result file."""
        content = json.loads(path.read_text())
        return cls(
            content["facts"],
            [Outcome(**outcome) for outcome in content["outcomes"]],
            [Memory(**row) for row in content["memory"]],
            [Outcome(**outcome) for outcome in content.get("pods", [])],
        )

    def write(self, path: Path) -> list[Path]:
        """Write the file, and beside it the plots; return what was written."""
        path.parent.mkdir(parents=True, exist_ok=True)
        summaries = report.summarise(self.outcomes)
        content = {
            "facts": self.facts,
            "summary": [asdict(one) for one in summaries],
            "outcomes": [asdict(outcome) for outcome in self.outcomes],
            "memory": [asdict(row) for row in self.memory],
            "pods": [asdict(outcome) for outcome in self.pods],
        }
        path.write_text(json.dumps(content, indent=1) + "\n")
        plots = [path.with_suffix(".svg"), path.with_suffix(".png")]
        for file in plots:
            plot.draw(self.outcomes, summaries, file, self._note())
        return [path, *(file for file in plots if file.exists())]

    def _note(self) -> str:
        machine = self.facts["machine"]
        return (
            f"median and single runs; {machine['cores']} cores {machine['cpu']},\n"
            f"Kafka {self.facts['versions']['kafka']}, revision {self.facts['revision']}"
        )

    def text(self) -> str:
        """Return the tables."""
        parts: Sequence[str] = (
            report.table(report.summarise(self.outcomes)),
            report.memory_table(self.memory),
            pods.table(self.pods),
        )
        return "\n\n".join(part for part in parts if part)

    @property
    def failures(self) -> list[str]:
        """What is wrong with the product or the baseline; a peer's faults are findings."""
        ours: list[Outcome | Memory] = [*self.outcomes, *self.memory, *self.pods]
        failed = []
        for row in ours:
            wrong = dict(row.faults)
            if isinstance(row, Memory) and row.acknowledged_while_frozen:
                wrong["acknowledged_while_frozen"] = row.acknowledged_while_frozen
            if row.system != "mq-bridge" and (row.problem or wrong):
                failed.append(f"{row.case}, {row.system}: {row.problem or wrong}")
        return failed
