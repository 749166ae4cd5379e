"""From what was observed to the status of a bridge: pure, and the only place that judges.

`conclude` makes the status, `transitions` the Events that its changes are worth. What is known of
each condition stands in `reference`.
"""

from mqtt_kafka_operator.conditions.conclude import conclude
from mqtt_kafka_operator.conditions.events import Event, transitions
from mqtt_kafka_operator.conditions.reference import CONDITIONS, condition_sections

__all__ = ["CONDITIONS", "Event", "conclude", "condition_sections", "transitions"]
