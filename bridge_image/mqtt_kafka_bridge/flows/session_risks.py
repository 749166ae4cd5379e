"""What endangers the messages of a session, as the broker granted it."""

from collections.abc import Iterator

from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.contract.rules import retained_risk
from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_bridge.mqtt.events import Connected
from mqtt_kafka_bridge.mqtt.session import Options
from mqtt_kafka_bridge.mqtt.subscribing import Subscription


def risks(
    mapping: MqttToKafka,
    subscription: Subscription,
    options: Options,
    connected: Connected,
    granted_qos: int,
) -> Iterator[tuple[Reason, Trouble | None]]:
    """Yield what the broker grants less than was asked for; None where that is cured."""
    wanted = subscription.qos
    expiry, asked = connected.limits.session_expiry_seconds, options.session_expiry_seconds
    found = {
        Reason.QOS_ZERO: wanted == 0
        and ("qos is 0: messages may be lost at any time", "set from.qos to 1"),
        Reason.QOS_LOWERED: granted_qos < wanted
        and (
            f"the broker granted QoS {granted_qos} instead of {wanted}",
            "allow QoS 1 at the broker",
        ),
        Reason.SESSION_EXPIRY_LOWERED: expiry < asked
        and (
            f"the broker keeps the session for {expiry} s, not for {asked} s",
            "raise the broker's limit, or lower mqtt.sessionExpiry knowingly",
        ),
    }
    for reason, risk in {**found, Reason.RETAINED_NOT_SHARED: retained_risk(mapping)}.items():
        yield reason, Trouble(reason=reason, message=risk[0], cure=risk[1]) if risk else None


def loss(client_id: str) -> Trouble:
    """Return what is to be said of a session that the broker has forgotten."""
    return Trouble(
        reason=Reason.SESSION_LOST,
        message=f"the broker forgot the session {client_id}, and what it held for it",
        cure="let the broker keep sessions on disk, and longer than any outage",
    )
