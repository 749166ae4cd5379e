"""What to do about a trouble, in the words of the API: a bridge speaks of its own file."""

from mqtt_kafka_bridge.contract.status import Reason, Trouble

_WORDS = (
    ("trustedCertificateFiles", "trustedCertificates"),
    ("passwordFile", "passwordSecret"),
    ("the password file's content", "the password in its Secret"),
    ("in its file", "in its Secret"),
)
_CURES = {
    Reason.MESSAGE_REFUSED: "repair what sends it, or set onError to DeadLetter or Drop; then"
    " kubectl annotate mkb {bridge} --overwrite mqttkafka.dev/resume={mapping}=WORD, with a word"
    " that was not used before",
    Reason.GENERATION_OVERRULED: "let only one bridge have this name, namespace and clientIdPrefix"
    " with this coordination topic; what an earlier one left is ended by mqtt-kafka-bridge retire",
    Reason.GENERATION_NOT_RAISED: "edit the bridge once more; what the pods run is as recorded",
    Reason.SECRET_UNREADABLE: "see that the Secret holds what the message names; the pods read it"
    " again by themselves",
}


def cure(trouble: Trouble, bridge: str, mapping: str) -> str:
    """Return what to do about a trouble of a mapping of a bridge."""
    own = _CURES.get(trouble.reason)
    if own is not None:
        return own.format(bridge=bridge, mapping=mapping)
    text = trouble.cure
    for theirs, ours in _WORDS:
        text = text.replace(theirs, ours)
    return text
