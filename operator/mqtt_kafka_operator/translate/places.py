"""Where in the resource stands what the contract calls by another name."""

from dataclasses import replace

from mqtt_kafka_bridge.contract.mistakes import Location, Mistake
from mqtt_kafka_operator import names

_RESUME: Location = ("metadata", "annotations", names.RESUME)
_PLACES: dict[Location, Location] = {
    ("name",): ("metadata", "name"),
    ("namespace",): ("metadata", "namespace"),
    ("generation",): ("metadata", "generation"),
    ("log", "level"): ("spec", "observability", "logLevel"),
    **{
        (end, "authentication", "passwordFile"): ("spec", end, "authentication", "passwordSecret")
        for end in ("mqtt", "kafka")
    },
    **{
        (end, "tls", "trustedCertificateFiles"): ("spec", end, "tls", "trustedCertificates")
        for end in ("mqtt", "kafka")
    },
}
"""By how a place in the configuration begins; all others are the same below `spec`."""


def in_the_resource(mistake: Mistake) -> Mistake:
    """Return a mistake that the contract found with its place in the resource."""
    return replace(mistake, at=_place(mistake.at))


def _place(at: Location) -> Location:
    if at[:1] == ("mqttToKafka",) and at[2:] == ("resumeToken",):
        return _RESUME
    for length in range(len(at), 0, -1):
        if at[:length] in _PLACES:
            return (*_PLACES[at[:length]], *at[length:])
    return ("spec", *at)
