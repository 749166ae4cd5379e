"""One `MqttKafkaBridge` as the operator works with it: who it is, and what it asks for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from mqtt_kafka_bridge.contract.mistakes import Mistake
from mqtt_kafka_bridge.contract.sentences import shown
from mqtt_kafka_operator.api.spec import MqttKafkaBridgeSpec
from mqtt_kafka_operator.errors import SpecError


@dataclass(frozen=True, slots=True)
class Bridge:
    """A resource that could be read."""

    name: str
    namespace: str
    uid: str
    generation: int
    """`metadata.generation`: raised by every edit of `spec`, that of `replicas` included."""
    spec: MqttKafkaBridgeSpec
    annotations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, resource: Mapping[str, Any]) -> "Bridge":
        """Read a resource, as the API server has it.

        Raises:
            SpecError: `spec` is not of this version; an older CRD let it through.
        """
        metadata = resource["metadata"]
        try:
            spec = MqttKafkaBridgeSpec.model_validate(resource.get("spec", {}))
        except ValidationError as error:
            raise SpecError(list(_mistakes(error))) from None
        return cls(
            name=metadata["name"],
            namespace=metadata["namespace"],
            uid=metadata["uid"],
            generation=metadata["generation"],
            spec=spec,
            annotations=metadata.get("annotations") or {},
        )


def _mistakes(error: ValidationError) -> Iterator[Mistake]:
    for detail in error.errors(include_url=False):
        at = ("spec", *(step for step in detail["loc"] if step != "[key]"))
        if detail["type"] == "missing":
            yield Mistake(at, "is missing", "add it")
        elif detail["type"] == "value_error":
            message, _, cure = str(detail["ctx"]["error"]).partition("; ")
            yield Mistake(at, message, cure)
        else:
            yield Mistake(at, f"is {shown(detail['input'])}", detail["msg"].lower())
