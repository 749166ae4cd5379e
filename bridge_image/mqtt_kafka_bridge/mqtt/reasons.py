"""Why a connection failed or ended, reason codes above all: who has to do what [MQTT5 2.4]."""

import ssl

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError

BAD_CREDENTIALS = (0x86, 0x8C)
NOT_AUTHORIZED = (0x87, 0x8A)
TAKEN_OVER = 0x8E
QUOTA_EXCEEDED = 0x97
PASSING = (0x88, 0x89, 0x8B, 0x97, 0x9F)
LONGEST_TEXT = 200
"""Most characters of a broker's own words that are shown."""
_NO_ANSWER_CURE = (
    "check that mqtt.servers names a broker that speaks MQTT 5, and the right port:"
    " a port for TLS wants mqtts://"
)
_CURES = {
    0x82: "the broker says that we broke the protocol: please report it with the broker's log",
    0x84: "use a broker that speaks MQTT 5",
    0x85: "set mqtt.clientIdPrefix to something that the broker accepts",
    0x95: "raise the broker's maximum packet size",
    0x9C: "set mqtt.servers to the server that the broker names",
    0x9D: "set mqtt.servers to the server that the broker names",
}


class SilentEndError(PassingError):
    """The broker's end closed a connection that served, and nobody said why.

    So ends a broker that stops; and so end old brokers a connection whose client id another client
    took over: Mosquitto 2.0.11 closes it, which under load shows as a reset.
    """


def _words(code: int, text: str | None) -> str:
    return f"reason code 0x{code:02X}" + (f" ({text[:LONGEST_TEXT]})" if text else "")


def _who(username: str | None) -> str:
    return f"user {username!r}" if username else "a client without user name"


def words_of(reason_text: str | None, server_reference: str | None) -> str | None:
    """Return what a broker says beside its reason code: its words, and the server it names."""
    reference = f"use {server_reference}" if server_reference else None
    return ", ".join(text for text in (reason_text, reference) if text) or None


def refused_connect(code: int, text: str | None, server: str, username: str | None) -> BridgeError:
    """Return the error for a CONNACK with a reason code >= 0x80; `text` is the broker's own."""
    who = _who(username)
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
            "check the password in its file (many brokers say the same of a wrong one), or allow"
            " this user and this client id at the broker"
            if username
            else "set mqtt.authentication, or allow clients without a login at the broker",
        )
    message = f"{server} refused to connect, {_words(code, text)}"
    if code in PASSING:
        return PassingError(Reason.MQTT_REFUSED, message, "wait: the broker is busy or restarting")
    return MustFixError(Reason.MQTT_REFUSED, message, _CURES.get(code, "see the broker's log"))


def refused_subscription(
    code: int, text: str | None, filter_text: str, username: str | None
) -> BridgeError:
    """Return the error for a SUBACK with a reason code >= 0x80."""
    message = f"the broker refused the subscription to {filter_text!r}, {_words(code, text)}"
    if code == QUOTA_EXCEEDED:
        cure = "wait, or raise the broker's limit on subscriptions"
        return PassingError(Reason.MQTT_SUBSCRIPTION_REFUSED, message, cure)
    cure = (
        f"allow {_who(username)} to read {filter_text!r} at the broker"
        if code in NOT_AUTHORIZED
        else "change from.filter of the mapping, or the broker's settings"
    )
    return MustFixError(Reason.MQTT_SUBSCRIPTION_REFUSED, message, cure)


def refused_unsubscription(
    code: int, text: str | None, filter_text: str, username: str | None
) -> BridgeError:
    """Return the error for an UNSUBACK with a reason code >= 0x80."""
    message = f"the broker refused to end the subscription to {filter_text!r}, {_words(code, text)}"
    if code in NOT_AUTHORIZED:
        cure = f"allow {_who(username)} to unsubscribe from {filter_text!r} at the broker"
        return MustFixError(Reason.MQTT_SUBSCRIPTION_REFUSED, message, cure)
    return PassingError(Reason.MQTT_SUBSCRIPTION_REFUSED, message, "see the broker's log")


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
        "see the broker's log, and report it to those who make the broker",
    )


def not_mqtt5(what: str, server: str) -> BridgeError:
    """Return the error for a server whose first words are no CONNACK of MQTT 5."""
    return MustFixError(
        Reason.MQTT_PROTOCOL_ERROR,
        f"{server} does not answer as an MQTT 5 broker: {what}",
        _NO_ANSWER_CURE,
    )


def packet_too_large(size: int, limit: int, server: str) -> BridgeError:
    """Return the error for a packet larger than the Maximum Packet Size that we announced."""
    return MustFixError(
        Reason.MQTT_PROTOCOL_ERROR,
        f"{server} sent a packet of {size} bytes, more than {limit}",
        "raise mqtt.maximumPacketSize, or find what publishes such messages",
    )


def no_answer(what: str, seconds: float, server: str) -> BridgeError:
    """Return the error for a CONNACK or SUBACK that does not come."""
    return PassingError(
        Reason.MQTT_UNREACHABLE,
        f"{server} sent no {what} within {seconds:g} s",
        _NO_ANSWER_CURE,
    )


def silent(seconds: float, server: str) -> BridgeError:
    """Return the error for a broker that answers no PINGREQ."""
    return PassingError(
        Reason.MQTT_UNREACHABLE,
        f"{server} did not answer PINGREQ, silent for {seconds:g} s",
        "check the network between the bridge and the broker",
    )


def lost(
    cause: Exception | None, server: str, *, answered: bool, refusal: int | None = None
) -> BridgeError:
    """Return the error for a connection that ended without a word of MQTT.

    Args:
        cause: the operating system's, if any.
        server: which one.
        answered: whether CONNACK had come.
        refusal: the reason code of a PUBACK, if that was the last word: Mosquitto 2.0.11 refuses a
            message (0x87) and then closes.
    """
    why = str(cause) if cause else "it closed the connection without a reason"
    if not answered:
        message = f"lost {server} before it answered CONNECT: {why}"
        return PassingError(Reason.MQTT_DISCONNECTED, message, _NO_ANSWER_CURE)
    if refusal is not None:
        message = f"lost {server} when it had refused a message, {_words(refusal, None)}: {why}"
        return PassingError(Reason.MQTT_DISCONNECTED, message, "see the broker's log")
    closed = cause is None or isinstance(cause, ConnectionError | ssl.SSLError)
    family = SilentEndError if closed else PassingError
    return family(Reason.MQTT_DISCONNECTED, f"lost {server}: {why}", "see the broker's log")


def identity_conflict(client_id: str, ends: int, seconds: float, last: BridgeError) -> BridgeError:
    """Return the error for a client id that another client seems to use.

    Args:
        client_id: which one.
        ends: how many connections ended as if they were taken over.
        seconds: within which time.
        last: why the last one ended.
    """
    return MustFixError(
        Reason.IDENTITY_CONFLICT,
        f"another client seems to use the client id {client_id!r}: {ends} connections ended within"
        f" {seconds:.0f} s though the broker was there; the last one: {last.message}",
        f"find the other bridge or client that uses {client_id!r}, and give each its own name or"
        " mqtt.clientIdPrefix; if there is none, see in the broker's log why it ends connections",
    )


def refused_for_now(code: int, topic: str) -> BridgeError:
    """Return the error for a PUBACK after which the message is tried again: quota, or no right."""
    if code == QUOTA_EXCEEDED:
        return PassingError(
            Reason.QUOTA_EXCEEDED,
            f"the broker takes no more for now, seen for {topic!r}; its key is held",
            "raise the quota at the broker, or publish less",
        )
    return MustFixError(
        Reason.MQTT_NOT_AUTHORIZED,
        f"the broker does not let us publish to {topic!r}; its key is held",
        "allow it at the broker; it is tried again at most every 30 s",
    )
