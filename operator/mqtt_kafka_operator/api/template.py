"""The partial pod template: what users may change in the pods of a bridge.

It has the names and the places of a Kubernetes pod template, so that what people know of those
holds here, and it is merged into the operator's as Kubernetes merges.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mqtt_kafka_operator.api.base import ApiModel, KubernetesObject, Name
from mqtt_kafka_operator.api.container import ContainerTemplate, MetadataKey, ObjectName
from mqtt_kafka_operator.api.rules import ListKey, Matching, Rule, quoted
from mqtt_kafka_operator.api.workload import OWN_ANNOTATIONS, OWN_LABELS, RESERVED_VOLUME_PREFIX

LabelValue = Annotated[
    str,
    StringConstraints(max_length=63),
    Matching(
        r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
        "write letters, digits, '-', '_' and '.', with a letter or digit at both ends",
    ),
]
AnnotationValue = Annotated[str, StringConstraints(max_length=16384)]


def _not_ours(keys: tuple[str, ...]) -> Rule:
    """Return the rule that a map has none of the keys that the operator sets."""
    return Rule(
        f"![{', '.join(map(quoted, keys))}].exists(k, k in self)",
        f"has what the operator sets itself; leave out {', '.join(keys)}",
    )


class Metadata(ApiModel):
    """Labels and annotations to add."""

    labels: Annotated[dict[MetadataKey, LabelValue], _not_ours(OWN_LABELS)] = Field(
        default={}, max_length=64, description="Labels to add; the operator's own stay."
    )
    annotations: Annotated[dict[MetadataKey, AnnotationValue], _not_ours(OWN_ANNOTATIONS)] = Field(
        default={}, max_length=64, description="Annotations to add; the operator's own stay."
    )


class ServiceAccountTemplate(ApiModel):
    """What to add to the bridge's ServiceAccount."""

    metadata: Metadata = Field(
        default=Metadata(), description="Such as the annotations of a cloud's workload identity."
    )


class Toleration(ApiModel):
    """A toleration, as in a Pod."""

    key: Annotated[str, StringConstraints(max_length=317)] | None = Field(
        default=None, description="Key of the taint. Left out: all keys."
    )
    operator: Literal["Exists", "Equal"] | None = Field(
        default=None, description="How the value is compared. Left out: Equal."
    )
    value: LabelValue | None = Field(default=None, description="Value of the taint.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint. Left out: all effects."
    )
    toleration_seconds: int | None = Field(
        default=None,
        ge=0,
        le=2_147_483_647,
        description="How long a pod stays under NoExecute. Left out: for ever.",
    )


class TopologySpreadConstraint(ApiModel):
    """How evenly pods are spread, as in a Pod."""

    max_skew: int = Field(ge=1, le=1000, description="Greatest difference of pods.", examples=[1])
    topology_key: MetadataKey = Field(
        description="Label of the nodes.", examples=["topology.kubernetes.io/zone"]
    )
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = Field(
        description="What to do with a pod that can't be placed so.", examples=["ScheduleAnyway"]
    )
    label_selector: KubernetesObject | None = Field(
        default=None, description="Which pods count. Left out: those of this bridge."
    )
    min_domains: int | None = Field(
        default=None, ge=1, le=1000, description="Fewest domains, as in a Pod."
    )
    match_label_keys: list[MetadataKey] = Field(
        default=[], max_length=8, description="Labels whose values must be alike, as in a Pod."
    )
    node_affinity_policy: Literal["Honor", "Ignore"] | None = Field(
        default=None, description="As in a Pod."
    )
    node_taints_policy: Literal["Honor", "Ignore"] | None = Field(
        default=None, description="As in a Pod."
    )


class PullSecret(ApiModel):
    """A Secret for pulling images."""

    name: ObjectName = Field(description="Its name.", examples=["registry"])


class Volume(KubernetesObject):
    """A volume, as in a Pod: a name and a source."""

    name: Annotated[
        Name,
        Rule(
            f"!self.matches('^{RESERVED_VOLUME_PREFIX}')",
            f"is kept for the operator; write a name that does not begin with "
            f"{RESERVED_VOLUME_PREFIX}",
        ),
    ] = Field(
        description="Its name; those that begin with bridge- are the operator's.",
        examples=["authorities"],
    )


class PodTemplateSpec(ApiModel):
    """What to change in the pods, under the names that a Pod's `spec` has for it."""

    rules = (
        Rule(
            "!has(self.containers) || self.containers.all(c, !has(c.volumeMounts) || "
            "c.volumeMounts.all(m, has(self.volumes) && "
            "self.volumes.exists(v, v.name == m.name)))",
            "has a mount of a volume that is not in volumes; add the volume, or correct the name",
            ".containers",
        ),
    )
    containers: list[ContainerTemplate] = Field(
        default=[], max_length=1, description="Changes of the container named bridge."
    )
    volumes: list[Volume] = Field(default=[], max_length=32, description="Volumes to add.")
    node_selector: dict[MetadataKey, LabelValue] = Field(
        default={}, max_length=32, description="Labels that a node must have."
    )
    affinity: KubernetesObject | None = Field(default=None, description="As in a Pod.")
    tolerations: list[Toleration] = Field(
        default=[], max_length=32, description="Taints that pods bear."
    )
    topology_spread_constraints: Annotated[
        list[TopologySpreadConstraint], ListKey("topologyKey")
    ] = Field(
        default=[],
        max_length=8,
        description="Changes of the operator's, which spread over nodes and zones, by topologyKey; "
        "others are added.",
    )
    priority_class_name: ObjectName | None = Field(default=None, description="As in a Pod.")
    runtime_class_name: ObjectName | None = Field(default=None, description="As in a Pod.")
    scheduler_name: ObjectName | None = Field(default=None, description="As in a Pod.")
    image_pull_secrets: list[PullSecret] = Field(
        default=[], max_length=8, description="Secrets for pulling the image."
    )
    security_context: KubernetesObject | None = Field(
        default=None, description="Fields to change, as in a Pod."
    )
    termination_grace_period_seconds: int | None = Field(
        default=None,
        ge=1,
        le=7200,
        description="Longest time from the request to stop to the kill; longer than "
        "`limits.drain`. Left out: `limits.drain` and some seconds.",
    )


class Template(ApiModel):
    """A partial pod template: merged into the operator's as Kubernetes merges, lists by key."""

    metadata: Metadata = Field(
        default=Metadata(), description="Labels and annotations of the pods."
    )
    spec: PodTemplateSpec = Field(
        default=PodTemplateSpec(), description="What to change in the pods."
    )
    service_account: ServiceAccountTemplate = Field(
        default=ServiceAccountTemplate(), description="What to add to their ServiceAccount."
    )
