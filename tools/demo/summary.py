"""The end of the demo: what was sent, what arrived, and whether that is the same."""

from rich.box import ASCII2, ROUNDED
from rich.console import Console
from rich.table import Table
from rich.text import Text

from examples.factory.machines import LINES
from mqtt_kafka_bridge.contract.status import BridgeStatus, Counts
from tools.demo.ledger import Ledger, Tally
from tools.demo.places import KAFKA, MQTT, Places

_GOOD, _BAD = "green", "bold red"


def verdict(ledger: Ledger, status: BridgeStatus, exit_code: int) -> list[str]:
    """List what is not as it should be; an empty list is the proof."""
    wrong = [
        f"{name}: {tally.lost} lost, {tally.disordered} out of order, {tally.misplaced} misplaced"
        for name, tally in ledger.tallies.items()
        if not tally.sound
    ]
    wrong += [f"{name}: nothing was sent" for name, t in ledger.tallies.items() if not t.total_sent]
    if not ledger.poison.sound:
        poison = ledger.poison
        wrong.append(f"dead letters: {poison.lost} missing, {poison.strangers} that are no poison")
    wrong += [
        f"{mapping.name}: the bridge's own ledger does not add up: {mapping.counts}"
        for mapping in status.mappings
        if not _adds_up(mapping.counts)
    ]
    if exit_code:
        wrong.append(f"the bridge ended with exit code {exit_code}")
    return wrong


def _adds_up(counts: Counts) -> bool:
    """Prove guarantee G5: everything received is accounted for, and nothing is on its way."""
    gone = counts.filtered + counts.expired + counts.dead_lettered + sum(counts.dropped.values())
    return counts.received == counts.forwarded + gone and not counts.in_flight


def summary(console: Console, ledger: Ledger, places: Places, wrong: list[str]) -> None:
    """Print the tables and the verdict."""
    box = ROUNDED if console.is_terminal else ASCII2
    style = {
        "box": box,
        "border_style": "grey35",
        "header_style": "bright_black",
        "title_style": "bold",
        "title_justify": "left",
    }
    console.print()
    console.print(_mappings(ledger, style))
    console.print(_machines(ledger, style))
    if wrong:
        console.print("[bold red]Not as it should be:[/]")
        for line in wrong:
            console.print(Text(f"  {line}"))
    else:
        total = sum(t.total_arrived for t in ledger.tallies.values())
        proof = Text.assemble(
            (f"Sent = received: all {total:,} messages, in order, none lost. ", "bold green"),
            f"Dead letters = poison: {ledger.poison.sent.total()}.",
        )
        console.print(proof, soft_wrap=True)
    _where(console, places)


def _mappings(ledger: Ledger, style: dict[str, object]) -> Table:
    table = Table(title="Sent and arrived", **style)  # type: ignore[arg-type] # rich's many options
    table.add_column("mapping", style="bold", no_wrap=True)
    for head in ("sent", "arrived", "lost", "out of order", "misplaced", "repeated"):
        table.add_column(head, justify="right")
    for name, tally in ledger.tallies.items():
        table.add_row(
            name,
            f"{tally.total_sent:,}",
            f"{tally.total_arrived:,}",
            *(_zero(n) for n in (tally.lost, tally.disordered, tally.misplaced)),
            f"{tally.repeated}",
        )
    poison = ledger.poison
    table.add_row(
        "dead letters",
        f"{poison.sent.total()}",
        f"{len(poison.arrived)}",
        _zero(poison.lost),
        "",
        "",
        f"{poison.arrived.total() - len(poison.arrived)}",
    )
    return table


def _machines(ledger: Ledger, style: dict[str, object]) -> Table:
    table = Table(title="Each machine: arrived / sent", **style)  # type: ignore[arg-type] # rich's many options
    for line in LINES:
        table.add_column(line)
    own = {line: [n for n in ledger.telemetry.sent if n.startswith(f"{line}-")] for line in LINES}
    for row in zip(*own.values(), strict=True):
        table.add_row(*(_machine(ledger.telemetry, name) for name in row))
    return table


def _machine(tally: Tally, name: str) -> Text:
    sent, arrived = tally.sent[name], tally.of(name)
    good = not arrived.missing(sent)
    number = name.rpartition("-")[2]
    return Text.assemble(
        (f"{number}  ", "bright_black"),
        f"{arrived.count:,} / {sent:,} ",
        ("✓", _GOOD) if good else ("✗", _BAD),
    )


def _zero(number: int) -> Text:
    return Text(f"{number:,}", style=_BAD if number else _GOOD)


def _where(console: Console, places: Places) -> None:
    if places.stand_ins:
        console.print(
            f"This ran on stand-ins: {', '.join(places.stand_ins)}. The bridge was the real one.\n"
            f"With your own brokers: {MQTT}=mqtt://host:1883 {KAFKA}=host:9092 make demo",
            style="bright_black",
            soft_wrap=True,
        )
    if places.traces:
        console.print(places.traces, style="bright_black", soft_wrap=True)
