"""The contract: what a bridge is told (`BridgeConfig`) and what it answers (`BridgeStatus`).

The data plane owns these models. The operator imports this package and nothing else of the
bridge. It imports pydantic and the standard library only.
"""

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import BridgeStatus

__all__ = ["BridgeConfig", "BridgeStatus"]
