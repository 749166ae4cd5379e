"""What the operator shows of itself: probes and metrics on one port."""

from mqtt_kafka_operator.observe.board import Board
from mqtt_kafka_operator.observe.http import serve

__all__ = ["Board", "serve"]
