"""The publisher's link of a mapping from Kafka: clean start, for what is in flight is in Kafka."""

from collections.abc import Callable

from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_bridge.errors import BridgeError, MustFixError
from mqtt_kafka_bridge.flows.display import show_mqtt_down, show_mqtt_up
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.publishing import Publishing
from mqtt_kafka_bridge.mapping.names import publisher_client_id
from mqtt_kafka_bridge.mqtt.events import Acknowledged, Connected, Received
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.session import Options
from mqtt_kafka_bridge.observe.flow_board import FlowBoard


class PublisherLink:
    """What a keeper tells about a mapping's publisher.

    Args:
        parts: what all flows share.
        mapping: whose publisher it is.
        board: where its state is shown.
        publishing: who publishes.
        changed: called when there is something new to do.
    """

    def __init__(
        self,
        parts: Parts,
        mapping: KafkaToMqtt,
        board: FlowBoard,
        publishing: Publishing,
        changed: Callable[[], None],
    ) -> None:
        mqtt = parts.config.mqtt
        self.options = Options(
            client_id=publisher_client_id(parts.config, mapping, parts.pod),
            clean_start=True,
            session_expiry_seconds=0,
            keep_alive_seconds=int(mqtt.keep_alive.total_seconds()),
            maximum_packet_size=mqtt.maximum_packet_size,
        )
        self.link: Link | None = None
        self.lost_records = False
        """Whether a link went down since the flow last read again what it carried."""
        self._board = board
        self._publishing = publishing
        self._changed = changed
        self._target = mapping.to

    def received(self, event: Received) -> None:
        """Take nothing: this client subscribes to nothing."""

    def acknowledged(self, event: Acknowledged) -> None:
        """Take PUBACKs."""
        self._publishing.acknowledged(event)
        self._changed()

    def opened(self, link: Link, server: str) -> None:
        """Take no note: nothing is published before the link is up."""

    async def up(self, link: Link, connected: Connected, server: str) -> None:
        """Publish over a new link.

        Raises:
            MustFixError: the mapping retains every message, and the broker retains none.
        """
        limits = connected.limits
        if self._target.retain == "Always" and not limits.retain_available:
            raise MustFixError(
                Reason.MQTT_REFUSED,
                f"{server} keeps no retained messages, and to.retain is Always",
                "allow retained messages at the broker, or set to.retain to Never",
            )
        self._publishing.use(link, limits.maximum_qos, retain_available=limits.retain_available)
        self._note_risks(limits.maximum_qos)
        self.link = link
        self._changed()
        show_mqtt_up(
            self._board,
            "publisher",
            server=server,
            client_id=self.options.client_id,
            receive_maximum=limits.receive_maximum,
        )

    def lost(self, error: BridgeError) -> None:
        """Publish nothing over a link that is gone."""
        self.down(error)

    def down(self, error: BridgeError) -> None:
        """Show that there is no connection, and why."""
        if self.link is not None:
            self.link, self.lost_records = None, True
            self._changed()
        show_mqtt_down(self._board, "publisher", error)

    async def end(self) -> None:
        """Disconnect in good order."""
        link, self.link = self.link, None
        if link is not None:
            await link.end()

    def _note_risks(self, maximum_qos: int) -> None:
        risks = self._board.risks
        if self._target.qos == 0:
            risks[Reason.QOS_ZERO] = Trouble(
                reason=Reason.QOS_ZERO,
                message="qos is 0: messages may be lost at any time",
                cure="set to.qos to 1",
            )
        if maximum_qos < self._target.qos:
            risks[Reason.QOS_LOWERED] = Trouble(
                reason=Reason.QOS_LOWERED,
                message=f"the broker takes QoS {maximum_qos} at most: messages may be lost",
                cure="allow QoS 1 at the broker",
            )
        else:
            risks.pop(Reason.QOS_LOWERED, None)
