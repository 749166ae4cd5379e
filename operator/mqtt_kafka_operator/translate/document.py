"""The configuration as the text of a file, and as a hash.

The file is JSON, which the bridge reads as the YAML that it is: it needs no library, quotes
everything that YAML would guess at, and people can read it. Only what differs from the contract's
defaults is in it: a newer operator then neither rolls pods for a field that is new, nor tells it to
a bridge image that does not know it.
"""

import hashlib
import json
import re
from typing import Any

from mqtt_kafka_bridge.contract import BridgeConfig

_HASH_DIGITS = 16
_UNPRINTABLE = re.compile(
    "[^\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""What YAML does not take as it is, or takes for the end of a line or a mark of the encoding."""


def plain(config: BridgeConfig) -> dict[str, Any]:
    """Return what a configuration says beyond the defaults, as plain data."""
    return config.model_dump(mode="json", exclude_defaults=True)


def text(config: BridgeConfig) -> str:
    """Return the text of the configuration file; the same for the same configuration."""
    readable = json.dumps(plain(config), indent=2, sort_keys=True, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", readable) + "\n"


def digest(data: object) -> str:
    """Return a hash of plain data, by its JSON: the same in every process, whatever the order."""
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:_HASH_DIGITS]
