"""The table of mappings: where messages go, how fast, and what became of them."""

from rich.text import Text

from mqtt_kafka_bridge.contract.status import Direction, MappingState
from tools.demo.panels import FAINT
from tools.demo.scene import Flow, Scene

_BARS = " ▁▂▃▄▅▆▇█"
_FIXED, _LONGEST_CURVE = 80, 40
"""Columns of all but the curve."""


def flows(scene: Scene, width: int, *, paths: bool) -> Text:
    """Write the table; `paths` adds a line to each mapping that says from where to where."""
    curve = max(0, min(_LONGEST_CURVE, width - _FIXED))
    head = (
        f"\n  {'mapping':<13}{'state':<14}{'in/s':>6}{'out/s':>7}{'':{curve + 2}}"
        f"{'received':>9}{'forwarded':>10}{'dead':>6}{'in flight':>10}\n"
    )
    text = Text(head, style=FAINT, no_wrap=True, overflow="crop", end="")
    for flow in scene.flows.values():
        text.append_text(_flow(flow, curve))
        if paths:
            text.append_text(_path(flow))
    return text


def _flow(flow: Flow, curve: int) -> Text:
    inward = flow.status.direction is Direction.MQTT_TO_KAFKA
    places = 0 if inward else 1
    counts = flow.status.counts
    good = flow.status.state is MappingState.FORWARDING
    return Text.assemble(
        (f"  {flow.status.name:<13}", "bold"),
        (f"● {flow.status.state:<12}", "green" if good else "red"),
        f"{flow.received.now:>6.{places}f}{flow.forwarded.now:>7.{places}f}  ",
        (_curve(flow.forwarded.steps, curve), "green" if inward else "magenta"),
        f"{counts.received:>9,}{counts.forwarded:>10,}",
        (f"{counts.dead_lettered:>6,}", "yellow" if counts.dead_lettered else ""),
        f"{counts.in_flight:>10,}\n",
        style="default",
    )


def _path(flow: Flow) -> Text:
    inward = flow.status.direction is Direction.MQTT_TO_KAFKA
    source, target = ("MQTT", "Kafka") if inward else ("Kafka", "MQTT")
    return Text.assemble(
        (f"    {source} ", FAINT),
        (flow.source, "default"),
        ("  →  ", "green" if inward else "magenta"),
        (f"{target} ", FAINT),
        (flow.target, "default"),
        (f"   key {flow.key}\n" if flow.key else "\n", FAINT),
    )


def _curve(steps: list[int], width: int) -> str:
    """Draw growth as bars, with as much room above the highest as below."""
    top = max([1, *steps]) * 2
    bars = "".join(_BARS[-(-step * 8 // top)] for step in steps).rjust(width)
    return bars[len(bars) - width :]
