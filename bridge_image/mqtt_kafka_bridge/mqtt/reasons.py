"""MQTT reason codes as errors with a cure: who has to do what [MQTT5 2.4]."""

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError

BAD_CREDENTIALS = (0x86, 0x8C)
NOT_AUTHORIZED = (0x87, 0x8A)
TAKEN_OVER = 0x8E
QUOTA_EXCEEDED = 0x97
PASSING = (0x88, 0x89, 0x8B, 0x97, 0x9F)
_CURES = {
    0x82: "the broker says that we broke the protocol: please report it with the broker's log",
    0x84: "use a broker that speaks MQTT 5",
    0x85: "set mqtt.clientIdPrefix to something that the broker accepts",
    0x95: "raise the broker's maximum packet size",
    0x9C: "set mqtt.servers to the server that the broker names",
    0x9D: "set mqtt.servers to the server that the broker names",
}


def _words(code: int, text: str | None) -> str:
    return f"reason code 0x{code:02X}" + (f" ({text})" if text else "")


def refused_connect(code: int, text: str | None, server: str, username: str | None) -> BridgeError:
    """Return the error for a CONNACK with a reason code >= 0x80; `text` is the broker's own."""
    who = f"user {username!r}" if username else "a client without user name"
    if code in BAD_CREDENTIALS:
        return MustFixError(
            Reason.MQTT_BAD_CREDENTIALS,
            f"{server} refused the credentials of {who}, {_words(code, text)}",
            "check mqtt.authentication: the user name and the password in its file",
        )
    if code in NOT_AUTHORIZED:
        return MustFixError(
            Reason.MQTT_NOT_AUTHORIZED,
            f"{server} does not let {who} connect, {_words(code, text)}",
            "set mqtt.authentication, or allow this user and this client id at the broker",
        )
    message = f"{server} refused to connect, {_words(code, text)}"
    if code in PASSING:
        return PassingError(Reason.MQTT_REFUSED, message, "wait: the broker is busy or restarting")
    return MustFixError(Reason.MQTT_REFUSED, message, _CURES.get(code, "see the broker's log"))


def refused_subscription(code: int, filter_text: str, username: str | None) -> BridgeError:
    """Return the error for a SUBACK with a reason code >= 0x80."""
    who = f"user {username!r}" if username else "a client without user name"
    cure = (
        f"allow {who} to read {filter_text!r} at the broker"
        if code in NOT_AUTHORIZED
        else "change from.filter of the mapping, or the broker's settings"
    )
    return MustFixError(
        Reason.MQTT_SUBSCRIPTION_REFUSED,
        f"the broker refused the subscription to {filter_text!r}, {_words(code, None)}",
        cure,
    )


def disconnected(code: int, text: str | None, server: str) -> BridgeError:
    """Return the error for a DISCONNECT that the broker sent."""
    message = f"{server} ended the connection, {_words(code, text)}"
    if code == TAKEN_OVER:
        return MustFixError(
            Reason.MQTT_TAKEN_OVER,
            message,
            "another client uses the same client id: give each bridge its own mqtt.clientIdPrefix,"
            " and run one process with this configuration",
        )
    if code in NOT_AUTHORIZED:
        return MustFixError(
            Reason.MQTT_NOT_AUTHORIZED, message, "allow this user and client id at the broker"
        )
    return PassingError(Reason.MQTT_DISCONNECTED, message, _CURES.get(code, ""))


def protocol_error(what: str, server: str) -> BridgeError:
    """Return the error for a broker that breaks the protocol."""
    return PassingError(
        Reason.MQTT_PROTOCOL_ERROR,
        f"{server} broke the MQTT protocol: {what}",
        "check that the address is an MQTT 5 broker's; see the broker's log",
    )
