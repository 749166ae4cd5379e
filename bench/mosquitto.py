"""The realistic case: messages come from a real Mosquitto, which sends one packet a write.

Mosquitto is the bottleneck here, so that the bridge's cost a message is what counts.
"""

import json
from dataclasses import asdict, replace

from bench.processes import BenchError, cpu_seconds, memory_mib, running
from bench.systems import System
from bench.trial import Bench, Case, Outcome, laps_by_end_offsets, outcome_of
from tests.support.mosquitto import Mosquitto, MosquittoOptions

_READY_SECONDS = 60.0


def run(bench: Bench, case: Case, system: System, name: str) -> Outcome:
    """Make one run with a Mosquitto of its own."""
    options = MosquittoOptions(persistence=False, lines=["log_type error", "log_type subscribe"])
    broker = Mosquitto(bench.folder / f"mosquitto-{name}", options)
    broker.up()
    try:
        return _run(bench, case, system, name, broker)
    except BenchError as error:
        return bench.failed(case, system, name, error)
    finally:
        broker.terminate()


def _run(bench: Bench, case: Case, system: System, name: str, broker: Mosquitto) -> Outcome:
    with bench.scratch_topic(name) as topic:
        command = system.command(bench.setup(case, topic, broker.port, name))
        with running(command, bench.log(name)) as bridge:
            _await_subscription(broker, name)
            plan = {"port": broker.port, **asdict(case.load), "total": case.total}
            broker_cpu = cpu_seconds(broker.pid)
            with bench.station("mqtt_publisher", json.dumps(plan)) as publisher:
                laps = laps_by_end_offsets(bench.topics, topic, case, bridge, publisher)
            broker_cpu = cpu_seconds(broker.pid) - broker_cpu
            rss = memory_mib(bridge.pid, "VmHWM")
            verdict = bench.topics.read_back(topic, case.load, case.total, keyed=system.keyed)
    done = outcome_of(case, system, laps, verdict, rss)
    extra = {"mosquitto_microseconds_per_message": broker_cpu / case.total * 1e6}
    return replace(done, source_cpu_seconds=0.0, extra=extra)


def _await_subscription(broker: Mosquitto, name: str) -> None:
    """Wait until the broker has logged the subscription: before it, messages go nowhere."""
    broker.await_condition(
        lambda: any(name in line and "telemetry" in line for line in broker.log.splitlines()),
        _READY_SECONDS,
        what=f"saw no subscription of {name}",
    )
