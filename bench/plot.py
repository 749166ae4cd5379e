"""Draw a result file: one bar a system for its median, one dot for each run."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from bench.report import Summary
from bench.trial import Outcome

_COLOURS = {"product": "#1b6ca8", "baseline": "#9aa5b1", "mq-bridge": "#c77d2e"}
_OTHER_COLOUR = "#5b8c5a"


def draw(outcomes: Sequence[Outcome], summaries: Sequence[Summary], path: Path, note: str) -> None:
    """Write the plot; the suffix of `path` (.svg, .png) says in which format."""
    throughput = [one for one in summaries if not one.latency_ms and one.per_cpu_second]
    names = list(dict.fromkeys(one.case for one in throughput))
    if not names:
        return
    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "bench"  # the same data draw the same file
    figure, axes = plt.subplots(figsize=(3.5 + 1.5 * len(names), 4.5))
    systems = list(dict.fromkeys(one.system for one in throughput))
    width = 0.8 / len(systems)
    for place, system in enumerate(systems):
        mine = [one for one in throughput if one.system == system]
        colour = _COLOURS.get(system, _OTHER_COLOUR)
        at = [names.index(one.case) + (place - (len(systems) - 1) / 2) * width for one in mine]
        bars = axes.bar(at, [one.per_cpu_second / 1000 for one in mine], width, color=colour)
        axes.bar_label(bars, fmt="{:.0f}", padding=8, fontsize=8)
        bars.set_label(system)
        for x, one in zip(at, mine, strict=True):
            runs = [
                outcome.per_cpu_second / 1000
                for outcome in outcomes
                if (outcome.case, outcome.system) == (one.case, one.system) and not outcome.problem
            ]
            axes.plot([x] * len(runs), runs, "o", color="black", markersize=3, zorder=3)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("thousand messages per CPU-second")
    axes.set_title(note, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
