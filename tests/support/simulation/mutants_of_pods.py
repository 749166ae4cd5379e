"""Mistakes about who runs a session, and about moving and replacing it, to be planted."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress

import mqtt5
import pytest
from aiokafka import TopicPartition

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, LeaseRefusedError
from mqtt_kafka_bridge.flows import replacement, session_run
from mqtt_kafka_bridge.flows.markers import Marker
from mqtt_kafka_bridge.flows.mqtt_to_kafka import MqttToKafkaFlow
from mqtt_kafka_bridge.flows.session_run import SessionRun
from mqtt_kafka_bridge.flows.sessions import InboundSession
from mqtt_kafka_bridge.kafka import start
from mqtt_kafka_bridge.mqtt.admission import Admission
from mqtt_kafka_bridge.mqtt.keeper import Keeper
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.servers import Server
from tests.support.simulation.coordination import SimulatedCoordination
from tests.support.simulation.kafka_client import KafkaClient
from tests.support.simulation.mutants import Plant


def nack_a_passing_fault(patch: pytest.MonkeyPatch) -> None:
    """What Kafka does not take at the moment is refused to the MQTT broker, which drops it."""

    def mutant(flow: MqttToKafkaFlow) -> None:
        link, window = flow.session.link, flow._window  # noqa: SLF001 - a mutant is surgery
        code = mqtt5.PubAckReasonCode.QUOTA_EXCEEDED
        for chunk, begin, end in window.finish(window.next):
            for packet_id in chunk.packet_ids[begin:end]:
                if packet_id is not None and link is chunk.origin and link is not None:
                    link.write(mqtt5.PubAckPacket(packet_id, reason_code=code).write())

    patch.setattr(MqttToKafkaFlow, "replay", mutant)


def release_before_the_disconnect(patch: pytest.MonkeyPatch) -> None:
    """A session is said to be free while it is still being drained."""

    async def mutant(run: SessionRun) -> None:
        run.lease.end()
        if run._waiting is not None:  # noqa: SLF001
            run._waiting.cancel()  # noqa: SLF001
            await run._claimed.wait()  # noqa: SLF001
        await run.release()
        if run._running:  # noqa: SLF001
            await run.flow.drain()

    patch.setattr(SessionRun, "hand_over", mutant)


def claim_before_it_is_released(patch: pytest.MonkeyPatch) -> None:
    """Whoever is assigned a slot runs its sessions at once."""
    patch.setattr(session_run, "waits_for", lambda *_: None)


def reconnect_without_a_proof(patch: pytest.MonkeyPatch) -> None:
    """The lease is proven before the first CONNECT only."""
    obtain = Admission.obtain

    async def mutant(admission: Admission) -> None:
        if not admission._asked_at:  # noqa: SLF001
            await obtain(admission)
        admission._asked_at = asyncio.get_running_loop().time()  # noqa: SLF001

    patch.setattr(Admission, "obtain", mutant)


def connect_by_a_proof_of_before(patch: pytest.MonkeyPatch) -> None:
    """A proof is good however long dialling takes, and whatever freezes meanwhile."""
    patch.setattr(Admission, "_fresh", True)


def trust_the_own_assignment(patch: pytest.MonkeyPatch) -> None:
    """What one was assigned is one's own, also after a freeze."""

    async def mutant(coordination: SimulatedCoordination, slot: int) -> None:
        assignment = coordination.assignment
        if assignment is None or slot not in assignment.slots:
            raise LeaseRefusedError("not assigned")

    patch.setattr(SimulatedCoordination, "prove", mutant)


def stop_when_taken_over(patch: pytest.MonkeyPatch) -> None:
    """Who is told 0x8E is not the owner any more, and stays away."""
    once = Keeper._try  # noqa: SLF001

    async def mutant(keeper: Keeper, server: Server) -> BridgeError:
        error = await once(keeper, server)
        if error.reason is Reason.MQTT_TAKEN_OVER:
            keeper._flow.down(error)  # noqa: SLF001
            await asyncio.get_running_loop().create_future()
        return error

    patch.setattr(Keeper, "_try", mutant)


def unsubscribe_before_the_drain(patch: pytest.MonkeyPatch) -> None:
    """An old session is unsubscribed as soon as the new one is subscribed, and drained then."""

    async def mutant(
        run: SessionRun,
        marker: Marker,
        publisher: SessionRun,
        *,
        share_ends: bool,  # noqa: ARG001 - as the original has it
    ) -> None:
        session = run.flow.session
        if session.link is not None:
            with suppress(BridgeError):
                await session._unsubscribe(session.link)  # noqa: SLF001
        session.leaving = True
        await replacement._get_all(run, marker, publisher)  # noqa: SLF001
        await run.flow.drain()

    patch.setattr(replacement, "_finish", mutant)


def skip_subscribe_when_present(patch: pytest.MonkeyPatch) -> None:
    """A session that is present is surely subscribed."""
    subscribe = InboundSession._subscribe  # noqa: SLF001

    async def mutant(session: InboundSession, link: Link) -> None:
        if session._connected is None or not session._connected.session_present:  # noqa: SLF001
            await subscribe(session, link)

    patch.setattr(InboundSession, "_subscribe", mutant)


def begin_new_partitions_at_their_end(patch: pytest.MonkeyPatch) -> None:
    """`startFrom: Latest` is asked again for each partition that was added."""

    async def mutant(
        client: KafkaClient, begun: Mapping[TopicPartition, int], wanted: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        places = list(wanted)
        added = [place for place in places if place not in begun]
        known = {**begun, **await client.end_offsets(added)}
        return {place: known[place] for place in places}

    patch.setattr(start, "_with_added", mutant)


MUTANTS: list[tuple[Plant, set[str]]] = [
    (nack_a_passing_fault, {"W"}),
    (release_before_the_disconnect, {"D", "O"}),
    (claim_before_it_is_released, {"D", "O"}),
    (reconnect_without_a_proof, {"lease"}),
    (connect_by_a_proof_of_before, {"lease"}),
    (trust_the_own_assignment, {"lease"}),
    (stop_when_taken_over, {"liveness"}),
    (unsubscribe_before_the_drain, {"L"}),
    (skip_subscribe_when_present, {"liveness", "L"}),
    (begin_new_partitions_at_their_end, {"L"}),
]
"""Each with the checks that it is for."""
