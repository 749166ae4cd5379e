"""`status` of a `MqttKafkaBridge`: what the operator saw, written by it alone."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mqtt_kafka_operator.api.base import ApiModel, Text, Word
from mqtt_kafka_operator.api.rules import ListKey

Count = Annotated[int, Field(ge=0, le=2_147_483_647)]
Generation = Annotated[int, Field(ge=0, le=2**53)]
"""Bounded by what the API server holds exactly in a bound."""


class Condition(ApiModel):
    """A `metav1.Condition`."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=316)] = Field(
        description="What it is about, such as Ready."
    )
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    observed_generation: Generation = Field(
        default=0, description="The `metadata.generation` that it was concluded from."
    )
    last_transition_time: datetime = Field(description="When `status` became what it is.")
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(
        description="A fixed word: why it is so."
    )
    message: Text = Field(description="What is wrong and what to do about it; may be empty.")


class SessionCounts(ApiModel):
    """How many MQTT sessions there should be, and are."""

    desired: Count = Field(default=0, description="Sessions of all mappings from MQTT.")
    connected: Count = Field(default=0, description="Of them, connected to the broker.")


class MappingSummary(ApiModel):
    """How one mapping is."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=63)] = Field(
        description="Its name."
    )
    direction: Word = Field(description="MqttToKafka or KafkaToMqtt.")
    state: Word = Field(
        description="Forwarding, Waiting, Stalled, Stopped or Draining, as the pods say; the "
        "worst of them. Unknown: no pod can be asked. Paused: there are none."
    )
    reason: Word = Field(default="", description="Why it is not forwarding; empty if it is.")
    message: Text = Field(default="", description="What is wrong, and what to do about it.")


class MqttKafkaBridgeStatus(ApiModel):
    """What the operator saw."""

    observed_generation: Generation = Field(
        default=0, description="The `metadata.generation` that the operator has seen last."
    )
    replicas: Count = Field(default=0, description="Pods that there are.")
    ready_replicas: Count = Field(default=0, description="Of them, those that are ready.")
    selector: Annotated[str, StringConstraints(max_length=1024)] = Field(
        default="", description="Labels of the pods, for autoscalers."
    )
    sessions: SessionCounts = Field(default=SessionCounts(), description="MQTT sessions.")
    mappings: list[MappingSummary] = Field(
        default=[], max_length=200, description="Every mapping, by name."
    )
    conditions: Annotated[list[Condition], ListKey("type")] = Field(
        default=[], max_length=32, description="What holds and what does not, and why."
    )
