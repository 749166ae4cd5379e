"""The marker of a replacement: a message that says that the new session misses nothing any more.

The new session has subscribed when the marker is published, and what the old session gets after it
the new one gets, too. So the old one may end once it has got the marker (and after a grace, for the
nodes of a cluster may not hear of a subscription all at once).
"""

import asyncio
import secrets
from collections.abc import Callable

from mqtt_kafka_bridge.mapping.messages import Publication
from mqtt_kafka_bridge.mqtt.events import Received
from mqtt_kafka_bridge.mqtt.link import Link

_TOKEN_BYTES = 8
_MOST_LOST = 3
"""So many connections that ended upon the marker are the broker's way to refuse it."""


class Marker:
    """What one old session knows of the marker that it is to hear.

    Args:
        topic: where it is published, and subscribed to by the old session.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.token = b""
        """The payload, which nobody else can know."""
        self.heard = asyncio.Event()
        """The old session got it, and with it all that came before."""
        self.expect_another()

    def expect_another(self) -> None:
        """Listen for a marker that is not published yet."""
        self.token = secrets.token_hex(_TOKEN_BYTES).encode()
        self.heard.clear()

    def sought_by(self, receive: Callable[[Received], None]) -> Callable[[Received], None]:
        """Return what receives the same, and looks whether the marker is among it."""

        def receive_and_look(event: Received) -> None:
            receive(event)
            if any(m.topic == self.topic and m.payload == self.token for m in event.messages):
                self.heard.set()

        return receive_and_look


class Announcement:
    """The marker on its way to the broker, at QoS 1, again and again until it is heard.

    Once is not enough: a node of a cluster may not know of the old session's subscription yet.
    """

    def __init__(self, marker: Marker) -> None:
        self.refused = False
        """The broker does not let us publish."""
        self._publication = Publication(marker.topic, marker.token, False, None, [])  # noqa: FBT003 - not retained
        self._link: Link | None = None
        self._waiting = False
        self._lost = 0

    def publish(self, link: Link) -> None:
        """Publish it over a link that is up, unless its PUBACK is still to come."""
        if self._waiting and link is self._link:
            return
        self._lost += self._waiting  # Some brokers close the connection, and not once only.
        if self.refused or self._lost == _MOST_LOST:
            self.refused = True
            return
        self._link, self._waiting = link, True
        link.write(link.session.outgoing.publish(self._publication, 0, 1))

    def acknowledged(self, *, refused: bool) -> None:
        """Take the broker's PUBACK."""
        self._waiting, self._lost = False, 0
        self.refused = self.refused or refused
