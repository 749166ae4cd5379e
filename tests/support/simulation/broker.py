"""The simulated MQTT broker: sessions, retained messages, a dialer for real links, and faults."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random

import mqtt5

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import PassingError
from mqtt_kafka_bridge.mqtt.dialing import CONNECT_SECONDS, Dial
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.servers import Server
from tests.support.simulation.connection import Connection
from tests.support.simulation.fates import Heard, Stored
from tests.support.simulation.journal import Journal
from tests.support.simulation.sessions import BrokerOptions, BrokerSession, Message, matches
from tests.support.simulation.wire import Wire

_DELAYS_SECONDS = (0.0, 0.001, 0.02, 0.2)
_READS_BYTES = (40, 1000, 1_000_000)


class MqttFaults:
    """What the broker does wrong at the moment, on purpose."""

    def __init__(self, rng: Random) -> None:
        self.connect_code: int | None = None
        self.subscribe_code: int | None = None
        self.publish_codes: list[int] = []
        """Reason codes of PUBACKs, one picked for each PUBLISH."""
        self.cut: set[str] = set()
        """Packets after which the connection is closed at once, as soon as one was sent."""
        self._rng = rng

    def refuse_connect(self) -> int | None:
        """Return the reason code to refuse a CONNECT with."""
        return self.connect_code

    def refuse_subscribe(self) -> int | None:
        """Return the reason code to refuse a subscription with."""
        return self.subscribe_code

    def refuse_publish(self) -> int:
        """Return the reason code of the PUBACK for a PUBLISH."""
        return self._rng.choice(self.publish_codes) if self.publish_codes else 0

    def cut_after(self, packet: str) -> bool:
        """Tell whether to close now; once."""
        if packet not in self.cut:
            return False
        self.cut.discard(packet)
        return True

    def heal(self) -> None:
        """Do nothing wrong any more."""
        self.connect_code = self.subscribe_code = None
        self.publish_codes = []
        self.cut.clear()


class Broker:
    """One MQTT broker with one state.

    Args:
        loop: the simulated loop.
        rng: decides what chance decides.
        journal: where everything is written down.
        stored: what Kafka has stored.
        options: how it behaves.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        rng: Random,
        journal: Journal,
        stored: Stored,
        options: BrokerOptions,
    ) -> None:
        self.loop = loop
        self.journal = journal
        self.stored = stored
        self.options = options
        self.heard = Heard(journal)
        self.faults = MqttFaults(rng)
        self.up = True
        self.stuck = False
        """Whether it takes bytes and sends none."""
        self.sessions: dict[str, BrokerSession] = {}
        self.connections: dict[Connection, None] = {}
        self.lost: set[bytes] = set()
        """What it forgot with a session."""
        self.resent_retained = 0
        """How many messages were sent because of a subscription."""
        self.ended: Callable[[Connection], None] = lambda _: None
        """Called when a connection is over."""
        self._rng = rng
        self._retained: dict[str, Message] = {}

    # For the bridge

    def dial(self, alive: Callable[[], bool], wires: dict[Wire, None]) -> Dial:
        """Return a dialer; `wires` gathers what it opens while the dialing process is `alive`."""

        async def dial(server: Server, make_link: Callable[[], Link]) -> Link:
            del server
            await asyncio.sleep(self._rng.choice(_DELAYS_SECONDS))
            if not self.up or not alive():
                raise PassingError(Reason.MQTT_UNREACHABLE, "the simulated broker is down")
            if self.stuck and self._rng.random() < 0.5:
                await asyncio.sleep(CONNECT_SECONDS)
                raise PassingError(Reason.MQTT_UNREACHABLE, "the simulated broker is stuck")
            link = make_link()
            wire = Wire(
                self.loop,
                self._rng,
                self.journal,
                link,
                self._rng.choice(_DELAYS_SECONDS),
                self._rng.choice(_READS_BYTES),
            )
            connection = Connection(self, wire)
            wire.peer = connection
            self.connections[connection] = None
            wires[wire] = None
            link.connection_made(wire)
            return link

        return dial

    def resume(
        self, packet: mqtt5.ConnectPacket, connection: Connection
    ) -> tuple[BrokerSession, bool]:
        """Return the session of a new connection, and whether it was there."""
        session = self.sessions.get(packet.client_id)
        if session is not None and session.connection is not None:
            session.connection.taken_over()
            session = self.sessions.get(packet.client_id)
        present = session is not None and not packet.clean_start
        if session is None or not present:
            self._forget(packet.client_id)
            session = BrokerSession(packet.client_id, packet.session_expiry_interval)
            self.sessions[packet.client_id] = session
        session.connection = connection
        return session, present

    def gone(self, connection: Connection) -> None:
        """Note that a connection is over."""
        self.ended(connection)
        self.connections.pop(connection, None)
        session = connection.session
        if session is not None and session.connection is connection:
            self.journal.note(f"gone {session.client_id}")
            session.connection = None
            if not session.expiry_seconds:
                self._forget(session.client_id)

    def send_retained(self, session: BrokerSession, filter_text: str) -> None:
        """Send what is retained to a new subscription."""
        for message in self._retained.values():
            if matches(filter_text, message.topic):
                session.queue.append(replace(message, qos=1, retain=True))
                self.resent_retained += 1

    # For sources

    def publish(self, message: Message) -> None:
        """Queue a message for every session that subscribes to it."""
        if message.retain:
            self._retained[message.topic] = message
        for session in self.sessions.values():
            if any(matches(each, message.topic) for each in session.subscriptions):
                if message.qos == 0 and session.connection is None:
                    continue
                session.queue.append(replace(message, retain=False))
                message.sent = True
                if session.connection is not None:
                    session.connection.pump()
                    session.connection.flush()

    # For faults

    def restart(self, *, forget: bool) -> None:
        """Go down, and lose every connection; perhaps forget all sessions, too."""
        self.up = False
        for connection in list(self.connections):
            connection.cut()
        if forget:
            for client_id in list(self.sessions):
                self._forget(client_id)

    def unstick(self) -> None:
        """Send what has gathered."""
        self.stuck = False
        for connection in list(self.connections):
            connection.flush()

    def _forget(self, client_id: str) -> None:
        session = self.sessions.pop(client_id, None)
        if session is not None:
            self.lost.update(message.payload for message in session.in_flight.values())
            self.lost.update(message.payload for message in session.queue)
