"""The demo where there is no terminal: a line each two seconds, and one a happening."""

from rich.console import Console

from tools.demo.scene import Scene
from tools.demo.watch import Dead, Told

EVERY_SECONDS = 2.0


class Lines:
    """Prints a scene; remembers only what it has printed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._due = 0.0
        self._told: Told | None = None
        self._dead: Dead | None = None

    def show(self, scene: Scene) -> None:
        """Print what is new."""
        at = f"{scene.elapsed:5.1f} s "
        if scene.watch.told and scene.watch.told[-1] is not self._told:
            self._told = told = scene.watch.told[-1]
            self._print(f"{at} command: {told.machine} at {told.temperature} °C is to cool down")
        if scene.watch.dead and scene.watch.dead[-1] is not self._dead:
            self._dead = dead = scene.watch.dead[-1]
            self._print(f"{at} dead letter: {dead.reason}: {dead.message} ({dead.topic})")
        if scene.elapsed >= self._due:
            self._due = scene.elapsed + EVERY_SECONDS
            self._print(f"{at} {self._counts(scene)}")

    def _counts(self, scene: Scene) -> str:
        flows = [
            f"{name} {flow.status.counts.forwarded:,} ({flow.forwarded.now:.0f}/s)"
            for name, flow in scene.flows.items()
        ]
        counts = [flow.status.counts for flow in scene.flows.values()]
        dead, held = sum(c.dead_lettered for c in counts), sum(c.in_flight for c in counts)
        return f"{', '.join(flows)}, dead letters {dead}, in flight {held}"

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
