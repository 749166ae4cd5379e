"""The demo on a terminal: one calm picture, drawn four times a second."""

from collections import deque
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from examples.factory.machines import LINES
from tools.demo.flows import flows
from tools.demo.panels import FAINT, panel
from tools.demo.places import KAFKA, MQTT
from tools.demo.scene import Scene
from tools.demo.watch import Machinery, Seen

_WARM, _HOT = 75.0, 85.0
_LOW = 31
"""Below so many lines the picture leaves out what it can."""
_NARROW = 100
"""And below so many columns."""


class Screen:
    """Draws a scene; remembers only which records it has shown."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: deque[Seen] = deque(maxlen=16)
        self._turn = 0

    def draw(self, scene: Scene) -> RenderableType:
        """Draw the whole picture, as large as the terminal."""
        width, height = self._console.size
        low = height < _LOW
        dead = 2 if low else 3
        fixed = 1 + 3 + len(scene.flows) * (1 if low else 2) + 6 + 2 + (dead + 2) + 2
        rows = max(1, min(14, height - fixed))
        self._pick(scene.watch.latest)
        lower = Table.grid(expand=True)
        lower.add_column(ratio=3)
        lower.add_column(ratio=2)
        lower.add_row(self._records(rows), _commands(scene, rows))
        return Group(
            _title(scene, width),
            flows(scene, width, paths=not low),
            "",
            _machines(scene, max(0, min(10, (width - 10) // 6 - 11))),
            lower,
            _dead_letters(scene, dead),
            _footer(scene),
        )

    def _pick(self, latest: Iterable[Seen]) -> None:
        """Take a record into the picture each second time; each third of these an inspection."""
        self._turn += 1
        if self._turn % 2:
            return
        wanted = "inspections" if self._turn % 6 == 0 else "telemetry"
        fresh = [seen for seen in latest if seen.topic.endswith(wanted)]
        if fresh and fresh[-1] not in self._shown:
            self._shown.append(fresh[-1])

    def _records(self, rows: int) -> RenderableType:
        lines = [
            Text.assemble(
                (f"{seen.topic}[{seen.partition}]@{seen.offset}".ljust(25), FAINT),
                (seen.key.ljust(8), "bold"),
                (f"{seen.headers} ", "cyan"),
                (seen.value, FAINT),
            )
            for seen in list(self._shown)[-rows:]
        ]
        return panel(
            lines, rows, "Records in Kafka", "topic[partition]@offset  key  headers  value"
        )


def _title(scene: Scene, width: int) -> RenderableType:
    grid = Table.grid(expand=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_column(justify="center", width=20)
    grid.add_column(justify="right", no_wrap=True)
    middle: RenderableType = Text("Ctrl-C ends it", style=FAINT)
    clock = f"{scene.elapsed:.0f} s"
    if scene.seconds is not None:
        done = min(scene.elapsed, scene.seconds)
        middle = ProgressBar(
            scene.seconds, done, width=18, complete_style="cyan", finished_style="cyan"
        )
        clock = f"{done:.0f} of {scene.seconds:.0f} s"
    name = Text.assemble((" mqtt-kafka-bridge  ", "bold"), (f"{scene.url}/status", FAINT))
    if width < _NARROW:
        name = Text(" mqtt-kafka-bridge", style="bold")
    grid.add_row(name, middle, Text(f"{scene.phase} · {clock} ", style=FAINT))
    return grid


def _machines(scene: Scene, bar: int) -> RenderableType:
    lines = []
    for line in LINES:
        text = Text(line.ljust(6), style=FAINT)
        for machine in scene.factory.machines:
            if machine.line == line:
                text.append_text(
                    _machine(machine.name, scene.watch.machines.get(machine.name), bar)
                )
        lines.append(text)
    return panel(lines, len(lines), "Machines", "as Kafka sees them: degrees Celsius; ↓ is cooling")


def _machine(name: str, seen: Machinery | None, bar: int) -> Text:
    number = name.rpartition("-")[2]
    if seen is None:
        return Text(f" {number} {'·' * bar}   ·    ", style=FAINT)
    cooling = seen.state == "cooling"
    colour = "bright_cyan" if cooling else _colour(seen.temperature)
    filled = round(min(1.0, max(0.0, (seen.temperature - 40) / 50)) * bar)
    return Text.assemble(
        (f" {number} ", FAINT),
        ("━" * filled, colour),
        ("━" * (bar - filled), "grey23"),
        (f" {seen.temperature:4.1f}°{'↓' if cooling else ' '} ", colour),
    )


def _colour(temperature: float) -> str:
    if temperature >= _HOT:
        return "bold red"
    return "yellow" if temperature >= _WARM else "green"


def _commands(scene: Scene, rows: int) -> RenderableType:
    lines = []
    for told in list(scene.watch.told)[-rows:]:
        line = Text.assemble(
            (told.machine.ljust(8), "bold"),
            (f"{told.temperature:.1f}°", "red"),
            (" → ", FAINT),
            ("cool-down", "magenta"),
        )
        if now := scene.watch.machines.get(told.machine):
            line.append(" → ", FAINT)
            arrow = "↓" if now.state == "cooling" else ""
            line.append(f"{now.temperature:.1f}°{arrow}", "bright_cyan" if arrow else "green")
        lines.append(line)
    return panel(lines, rows, "Commands to machines", "by an application on Kafka")


def _dead_letters(scene: Scene, rows: int) -> RenderableType:
    lines = [
        Text.assemble(
            (f"{dead.at}  ", FAINT),
            (f"{dead.reason}  ", "bold yellow"),
            dead.message,
            (f"  {dead.topic}  {dead.value}", FAINT),
        )
        for dead in list(scene.watch.dead)[-rows:]
    ]
    return panel(lines, rows, "Dead letters", "cameras send rubbish now and then; nothing stops")


def _footer(scene: Scene) -> Text:
    text = Text(justify="center", style=FAINT, overflow="ellipsis", no_wrap=True)
    if scene.places.stand_ins:
        text.append("Stand-ins: ", style="yellow")
        text.append(f"{', '.join(scene.places.stand_ins)}. The bridge is real.\n")
    text.append(f"Your own brokers: {MQTT}=mqtt://host:1883 {KAFKA}=host:9092 make demo")
    return text
