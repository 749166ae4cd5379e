"""The benchmark's source and sink, as processes, hold to MQTT and to the plan."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import mqtt5

from bench.messages import Load, command_topic
from bench.processes import Station

WINDOW = 100
PLAN = {"window": WINDOW, "warm_up": 500, "messages": 1500, "deadline_seconds": 20}


@contextmanager
def connected(module: str, **more: object) -> Iterator[tuple[Station, socket.socket]]:
    """Start a source or sink; connect to it as a bridge would, with a smaller window."""
    with Station(f"bench.{module}", json.dumps({**PLAN, **more})) as station:
        port = station.await_event("listening", 10)["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
            link.sendall(mqtt5.ConnectPacket("bridge", receive_max=WINDOW // 2).write())
            hello, _ = mqtt5.read(memoryview(link.recv(1000)))
            assert isinstance(hello, mqtt5.ConnAckPacket)
            assert hello.receive_max == WINDOW
            station.say(os.getpid())
            yield station, link


def subscribe(link: socket.socket, qos: int = 1) -> None:
    """Send SUBSCRIBE."""
    wanted = mqtt5.TopicFilter("plant/#", max_qos=mqtt5.QoS(qos))
    link.sendall(mqtt5.SubscribePacket(1, [wanted]).write())


class Reader:
    """Read packets from a socket."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._rest = b""

    def await_subscribed(self) -> None:
        """Read to SUBACK."""
        while not any(isinstance(packet, mqtt5.SubAckPacket) for packet in self.packets()):
            pass

    def read_to_end(self) -> None:
        """Read to the end of file."""
        while self._link.recv(1 << 16):
            pass

    def packets(self) -> list[Any]:
        """Return at least one packet."""
        found: list[Any] = []
        while not found:
            self._rest += self._link.recv(1 << 20)
            view, at = memoryview(self._rest), 0
            while at < len(view):
                try:
                    packet, used = mqtt5.read(view[at:])
                except IndexError:
                    break
                found.append(packet)
                at += used
            self._rest = bytes(view[at:])
        return found


def test_the_source_sends_everything_within_the_clients_window() -> None:
    """The Receive Maximum of CONNECT, smaller than the source would take."""
    with connected("mqtt_source") as (station, link):
        subscribe(link)
        reader = Reader(link)
        received: list[mqtt5.PublishPacket] = []
        open_ids: list[int | None] = []
        while len(received) < 2000:
            for packet in reader.packets():
                if isinstance(packet, mqtt5.PublishPacket):
                    received.append(packet)
                    open_ids.append(packet.packet_id)
            assert len(open_ids) <= WINDOW // 2
            link.sendall(b"".join(mqtt5.PubAckPacket(one or 0).write() for one in open_ids))
            open_ids.clear()
        result = station.await_event("result", 10)
        assert result["complete"]
        assert result["acks"] == {"unknown": 0, "refused": 0, "order_breaks": 0}
        assert [
            lap["messages"] >= goal for lap, goal in zip(result["laps"], (500, 2000), strict=True)
        ]
        assert [packet.packet_id for packet in received] == list(range(1, 2001))


def test_the_source_holds_until_it_is_told() -> None:
    """At QoS 0 too, where it is done when all has left."""
    with connected("mqtt_source", holds=[0, 500], qos=0) as (station, link):
        subscribe(link, 0)
        station.await_event("held", 10)
        station.say("go")
        station.await_event("held", 10)
        reader, count = Reader(link), 0
        while count < 500:
            count += sum(isinstance(packet, mqtt5.PublishPacket) for packet in reader.packets())
        assert count == 500
        station.say("go")
        station.await_event("result", 10)


def test_the_sources_latency_is_the_clients_delay() -> None:
    """From departure to PUBACK."""
    with connected("mqtt_source", rate=1000.0, warm_up=100, messages=300) as (station, link):
        subscribe(link)
        reader, count = Reader(link), 0
        while count < 400:
            ids = [p.packet_id for p in reader.packets() if isinstance(p, mqtt5.PublishPacket)]
            link.sendall(b"".join(mqtt5.PubAckPacket(one or 0).write() for one in ids))
            count += len(ids)
        latency = station.await_event("result", 10)["latency_ms"]
        assert 0 < latency["p50"] <= latency["p99"] <= latency["p99.9"] <= latency["max"] < 5000


def served(link: socket.socket, messages: int) -> list[mqtt5.PublishPacket]:
    """Acknowledge so many messages, and return them."""
    reader, found = Reader(link), list[mqtt5.PublishPacket]()
    while len(found) < messages:
        came = [one for one in reader.packets() if isinstance(one, mqtt5.PublishPacket)]
        link.sendall(b"".join(mqtt5.PubAckPacket(one.packet_id or 0).write() for one in came))
        found += came
    return found


def joined(port: int, client_id: str) -> socket.socket:
    """Connect and subscribe as a member of a share."""
    link = socket.create_connection(("127.0.0.1", port), timeout=10)
    link.sendall(mqtt5.ConnectPacket(client_id, receive_max=WINDOW).write())
    subscribe(link)
    return link


def test_several_clients_get_every_message_once_in_turn() -> None:
    """By their client ids' order, whoever came first; until all are there nobody gets any."""
    plan = {**PLAN, "clients": 3, "holds": [0]}
    with ExitStack() as stack:
        station = stack.enter_context(Station("bench.mqtt_source", json.dumps(plan)))
        port = station.await_event("listening", 10)["port"]
        leaver = joined(port, "member-0")
        links = [stack.enter_context(joined(port, f"member-{n}")) for n in (2, 1)]
        station.say(os.getpid())
        station.await_event("held", 10)
        leaver.sendall(mqtt5.DisconnectPacket().write())
        leaver.shutdown(socket.SHUT_WR)
        Reader(leaver).read_to_end()
        leaver.close()
        links.append(stack.enter_context(joined(port, "member-0")))
        Reader(links[-1]).await_subscribed()
        station.say("go")
        with ThreadPoolExecutor() as pool:
            shares = list(pool.map(served, links, [666, 667, 667]))
        result = station.await_event("result", 10)
        assert result["acks"] == {"unknown": 0, "refused": 0, "order_breaks": 0}
        assert result["acknowledged"] == 2000
        load = Load()
        for place, share in zip((2, 1, 0), shares, strict=True):
            numbers = [
                int(one.payload[load.number_at]) * 1000 + int(one.payload[load.device_at])
                for one in share
            ]
            assert numbers == list(range(place, 2000, 3))


def test_a_client_that_leaves_without_a_word_is_a_failure() -> None:
    """The run is void, and says why."""
    with Station("bench.mqtt_source", json.dumps(PLAN)) as station:
        port = station.await_event("listening", 10)["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
            link.sendall(mqtt5.ConnectPacket("bridge").write())
            subscribe(link)
            station.say(os.getpid())
            station.await_event("subscribed", 10)
        assert "closed its connection" in str(failure_of(station))


def failure_of(station: Station) -> Exception:
    """Return the error that a wait for the result ends with."""
    try:
        station.await_event("result", 10)
    except Exception as error:  # noqa: BLE001 - any error is returned, and looked at
        return error
    raise AssertionError("there was a result")


def command(load: Load, index: int, topic: str = "") -> bytes:
    """Return the PUBLISH of a command with a user property."""
    return mqtt5.PublishPacket(
        topic or command_topic(index % load.topics),
        load.payload(index, load.bodies(1)[0]),
        qos=mqtt5.QoS.AT_LEAST_ONCE,
        packet_id=index % 65_535 + 1,
        user_properties=[("bridge.path", "local/plant/commands")],
    ).write()


def sink_result(packets: list[bytes]) -> dict[str, Any]:
    """Publish to a sink, await a PUBACK for each, and return what the sink says."""
    with connected("mqtt_sink", deadline_seconds=5) as (station, link):
        reader, acknowledged = Reader(link), 0
        for start in range(0, len(packets), 50):
            link.sendall(b"".join(packets[start : start + 50]))
            goal = min(start + 50, len(packets))
            while acknowledged < goal:
                acknowledged += len(reader.packets())
        assert acknowledged == len(packets)
        return station.await_event("result", 10)


def test_the_sink_acknowledges_and_finds_nothing_wrong() -> None:
    """Packets have properties, as the product sends them."""
    load = Load()
    result = sink_result([command(load, index) for index in range(2000)])
    assert result["complete"]
    assert result["over_window"] == 0
    wrong = {name: count for name, count in result["verdict"].items() if count}
    assert wrong == {"received": 2000}


def test_the_sink_sees_loss_disorder_and_wrong_topics() -> None:
    """A first ten after the second, one missing, one twice and on another topic."""
    load = Load(topics=10)
    order = [*range(10, 20), *range(10), *range(20, 1998), 1998, 1998]
    packets = [command(load, index) for index in order]
    packets[-1] = command(load, 1998, topic="plant/all/command")
    with_topics = dict(PLAN, topics=10)
    with Station("bench.mqtt_sink", json.dumps(with_topics)) as station:
        port = station.await_event("listening", 10)["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
            link.sendall(mqtt5.ConnectPacket("bridge").write())
            station.say(os.getpid())
            link.sendall(b"".join(packets))
            verdict = station.await_event("result", 10)["verdict"]
    wrong = {name: count for name, count in verdict.items() if count}
    assert wrong == {
        "received": 2000,
        "lost": 1,
        "duplicates": 1,
        "out_of_order": 10,
        "wrong_topics": 1,
    }


def test_a_station_of_ours_ends_when_the_runner_closes_the_pipe() -> None:
    """Nothing of ours outlives a benchmark."""
    station = Station("bench.mqtt_sink", json.dumps(PLAN))
    station.await_event("listening", 10)
    with station:
        pass
    process: subprocess.Popen[bytes] = station._process  # noqa: SLF001 - its exit is the claim
    assert process.returncode is not None
