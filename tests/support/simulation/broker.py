"""The simulated MQTT broker: sessions, messages, a dialer for real links."""

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
from tests.support.simulation.clock import SimulatedLoop
from tests.support.simulation.connection import Connection
from tests.support.simulation.fates import Heard, Stored
from tests.support.simulation.journal import Journal
from tests.support.simulation.life import Life
from tests.support.simulation.mqtt_faults import MqttFaults
from tests.support.simulation.routing import Routing
from tests.support.simulation.sessions import BrokerOptions, BrokerSession, Granted, Message
from tests.support.simulation.wire import Wire

_DELAYS_SECONDS = (0.0, 0.001, 0.02, 0.2)
_READS_BYTES = (40, 1000, 1_000_000)
_SHORT_EXPIRY_SECONDS = 10_000


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
        loop: SimulatedLoop,
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
        self.sent_again = 0
        """How many messages it has for a second session, or again because of a subscription."""
        self.ended: Callable[[Connection], None] = lambda _: None
        """Called when a connection is over."""
        self.dialing: Callable[[Life], None] = lambda _: None
        """Called when a client dials."""
        self.connecting: Callable[[Life, str], None] = lambda _life, _client_id: None
        """Called when a client writes CONNECT."""
        self.subscribed: Callable[[Life, str], None] = lambda _life, _client_id: None
        """Called when a client has subscribed."""
        self._rng = rng
        self._routing = Routing(rng, offline_members_too=options.offline_members_too)

    # For the bridge

    def dial(self, life: Life, wires: dict[Wire, None]) -> Dial:
        """Return a dialer; `wires` gathers what it opens while the dialing process is alive."""

        async def dial(server: Server, make_link: Callable[[], Link]) -> Link:
            del server
            await asyncio.sleep(self._rng.choice(_DELAYS_SECONDS))
            self.dialing(life)
            await asyncio.sleep(0)
            if not self.up or not life.alive or life.without_mqtt:
                raise PassingError(Reason.MQTT_UNREACHABLE, "the simulated broker is down")
            if self.stuck and self._rng.random() < 0.5:
                await asyncio.sleep(CONNECT_SECONDS)
                raise PassingError(Reason.MQTT_UNREACHABLE, "the simulated broker is stuck")
            link = make_link()
            wire = Wire(
                self.loop,
                life,
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
            self.sessions.pop(packet.client_id, None)
            session = BrokerSession(packet.client_id, packet.session_expiry_interval)
            self.sessions[packet.client_id] = session
        session.expiry_seconds = packet.session_expiry_interval
        session.connection = connection
        return session, present

    def gone(self, connection: Connection) -> None:
        """Note that a connection is over, and perhaps, as its client wanted, its session."""
        self.ended(connection)
        self.connections.pop(connection, None)
        session = connection.session
        if session is None or session.connection is not connection:
            return
        self.journal.note(f"gone {session.client_id}")
        session.connection = None
        if not session.expiry_seconds:
            self.sessions.pop(session.client_id, None)
        elif session.expiry_seconds < _SHORT_EXPIRY_SECONDS:
            self.loop.later(session.expiry_seconds, self._expire, session)

    def subscribe(self, session: BrokerSession, wanted: mqtt5.TopicFilter) -> None:
        """Subscribe a session, and send it what is retained."""
        pattern = wanted.pattern
        before = session.subscriptions.get(pattern)
        late = self._rng.uniform(0, self.options.cluster_seconds)
        known_at = self.loop.now + late if before is None else before.known_at
        session.subscriptions[pattern] = Granted(int(wanted.max_qos), known_at)
        handling = wanted.retain_handling
        always = handling == mqtt5.RetainHandling.SEND_ALWAYS
        if handling != mqtt5.RetainHandling.SEND_NEVER and (before is None or always):
            retained = self._routing.retained_for(pattern)
            session.queue.extend(retained)
            self.sent_again += len(retained)

    def unsubscribe(self, session: BrokerSession, pattern: str) -> bool:
        """End a subscription, and perhaps lose what is queued; return whether it was there."""
        if session.subscriptions.pop(pattern, None) is None:
            return False
        if self.options.drops_on_unsubscribe:
            dropped = self._routing.dropped(session, pattern)
            for message in dropped:
                session.queue.remove(message)
            if any(pattern in other.subscriptions for other in self.sessions.values()):
                # The other members of the share go on, so there is no moment without it.
                self.lost.update(message.payload for message in dropped)
        return True

    # For sources

    def publish(self, message: Message) -> None:
        """Queue a message for every session that subscribes to it."""
        if message.retain:
            self._routing.retained[message.topic] = message
        sessions = list(self.sessions.values())
        for session, qos in self._routing.targets(message, sessions, self.loop.now):
            if qos == 0 and session.connection is None:
                continue
            session.queue.append(replace(message, qos=qos, retain=False))
            self.sent_again += message.sent
            message.sent = message.sent or qos > 0
            self.journal.note(f"queued {session.client_id} {message.shown}")
            if session.connection is not None:
                session.connection.pump()
                session.connection.flush()

    # For faults

    def restart(self, *, forget: float) -> None:
        """Go down, and lose every connection; forget each session with this likelihood."""
        self.up = False
        for connection in list(self.connections):
            connection.cut()
        for session in list(self.sessions.values()):
            if self._rng.random() < forget:
                self._forget(session)

    def unstick(self) -> None:
        """Send what has gathered."""
        self.stuck = False
        for connection in list(self.connections):
            connection.flush()

    def _expire(self, session: BrokerSession) -> None:
        if session.connection is None and self.sessions.get(session.client_id) is session:
            self._forget(session)

    def _forget(self, session: BrokerSession) -> None:
        self.journal.note(f"forgotten {session.client_id}")
        self.sessions.pop(session.client_id, None)
        self.lost.update(message.payload for message in session.in_flight.values())
        self.lost.update(message.payload for message in session.queue)
