"""`mqtt-kafka-bridge check FILE`: say whether a bridge could start from a file, before it does."""

import sys
from pathlib import Path

from mqtt_kafka_bridge.config_file import ConfigurationError, read, unreadable_files
from mqtt_kafka_bridge.contract.config import BridgeConfig

VALID, INVALID = 0, 2


def check(path: str | Path) -> int:
    """Print that a configuration file is valid, or every mistake in it, one a line, to stderr.

    Returns:
        The exit code: 0, or 2 for a file that a bridge would refuse.
    """
    try:
        loaded = read(path)
    except ConfigurationError as error:
        return _refused(error)
    if mistakes := [loaded.located(mistake) for mistake in unreadable_files(loaded.config)]:
        return _refused(ConfigurationError(str(path), mistakes))
    sys.stdout.write(f"{path}: valid: {_summary(loaded.config)}\n")
    return VALID


def _refused(error: ConfigurationError) -> int:
    sys.stderr.write(f"{error}\n")
    return INVALID


def _summary(config: BridgeConfig) -> str:
    inbound, outbound = len(config.mqtt_to_kafka), len(config.kafka_to_mqtt)
    total = inbound + outbound
    return (
        f"{total} mapping{'' if total == 1 else 's'} "
        f"({inbound} from MQTT to Kafka, {outbound} from Kafka to MQTT)"
    )
