"""What users may change in the bridge's container."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mqtt_kafka_operator.api.base import ApiModel, KubernetesObject, Name
from mqtt_kafka_operator.api.rules import ListKey, Matching, Rule
from mqtt_kafka_operator.api.workload import BRIDGE_CONTAINER, CONFIG_DIRECTORY

ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=253)]
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=317)]
Quantity = Annotated[
    str, StringConstraints(max_length=32, pattern=r"^[0-9]+([.][0-9]+)?([numkMGTPE]|[KMGTPE]i)?$")
]
"""A pattern and no rule: CEL does not know what int-or-string is."""
Path = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class Resources(ApiModel):
    """Compute resources, as in a Pod."""

    requests: dict[MetadataKey, int | Quantity] = Field(
        default={}, max_length=16, description="What is reserved, such as {cpu: 250m}."
    )
    limits: dict[MetadataKey, int | Quantity] = Field(
        default={}, max_length=16, description="What is not exceeded, such as {memory: 512Mi}."
    )


class EnvironmentVariable(ApiModel):
    """An environment variable, as in a Pod."""

    rules = (
        Rule(
            "!has(self.value) || !has(self.valueFrom)", "has value and valueFrom; keep one of them"
        ),
    )
    name: ObjectName = Field(description="Its name.", examples=["TZ"])
    value: str | None = Field(default=None, max_length=32768, description="Its value.")
    value_from: KubernetesObject | None = Field(
        default=None, description="Where its value comes from, as in a Pod."
    )


class VolumeMount(ApiModel):
    """A mount of one of the volumes in `volumes`, as in a Pod."""

    name: Name = Field(description="Name of the volume.", examples=["authorities"])
    mount_path: Annotated[
        Path,
        Matching(r"^/[^:]*$", "write a path that begins with /, without a colon"),
        Rule(
            f"!self.matches('^{CONFIG_DIRECTORY}(/|$)')",
            f"is where configuration and Secrets are; write a path outside {CONFIG_DIRECTORY}",
        ),
    ] = Field(description="Where, in the container.", examples=["/etc/ssl/certs/own"])
    sub_path: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        default=None, description="Part of the volume to mount."
    )
    read_only: bool = Field(default=False, description="Whether nothing can be written to it.")


class ContainerTemplate(ApiModel):
    """What to change in the bridge's container."""

    name: Literal["bridge"] = Field(
        description="The container; there is one so far.", examples=[BRIDGE_CONTAINER]
    )
    image: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        default=None, description="Another image. Left out: the one of the operator's settings."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None, description="When the image is pulled, as in a Pod."
    )
    resources: Resources = Field(
        default=Resources(), description="CPU and memory; what is left out stays as it is."
    )
    env: list[EnvironmentVariable] = Field(
        default=[], max_length=64, description="Environment variables to add."
    )
    volume_mounts: Annotated[list[VolumeMount], ListKey("mountPath")] = Field(
        default=[], max_length=32, description="Mounts to add."
    )
    security_context: KubernetesObject | None = Field(
        default=None, description="Fields to change, as in a Pod's container."
    )
