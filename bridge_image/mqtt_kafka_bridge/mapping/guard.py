"""The loop guard, and the names that belong to the bridge.

Each mapping that a message passes adds itself to `bridge.path`, a header in Kafka and a user
property on MQTT. A mapping that finds itself there, or finds the path too long, drops the message.
"""

BRIDGE_PATH = "bridge.path"
BRIDGE_MAPPING = "bridge.mapping"
LONGEST_PATH = 8
"""Most mappings that a message may have passed."""
LONGEST_PATH_CHARACTERS = LONGEST_PATH * 192
"""Longest path that bridges can write: each entry is three DNS labels, two `/` and a comma."""
LOOP = "loop"
"""The reason under which such messages are counted."""


def loops(path: str, own: str) -> bool:
    """Tell whether a message with this path has been here before, or has gone too far.

    Args:
        path: the value of `bridge.path`.
        own: `<namespace>/<bridge>/<mapping>`.
    """
    entries = path.split(",")
    return len(entries) > LONGEST_PATH or len(path) > LONGEST_PATH_CHARACTERS or own in entries
