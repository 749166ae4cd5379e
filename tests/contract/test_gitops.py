"""The GitOps examples: they render, teams don't meet, and health checks tell the truth."""

from typing import Any

import cel
import pytest
import yaml
from lupa.lua51 import LuaRuntime

from mqtt_kafka_operator.api.conditions import ConditionType, OperatorReason
from mqtt_kafka_operator.api.spec import API_VERSION, GROUP, KIND
from tests.support.manifests import GITOPS, OVERLAYS, Manifest, bridges, documents, kustomized

HEALTH = yaml.safe_load((GITOPS / "argocd/health.yaml").read_text())["data"]
APPLICATION = documents(GITOPS / "argocd/application.yaml")[0]
SOURCE, KUSTOMIZATION = documents(GITOPS / "flux/bridges.yaml")
FLUX = KUSTOMIZATION["spec"]["healthCheckExprs"][0]
RUNNING = {
    ConditionType.CONFIG_VALID: ("True", OperatorReason.VALID),
    ConditionType.SECRETS_RESOLVED: ("True", OperatorReason.RESOLVED),
    ConditionType.PROGRESSING: ("False", OperatorReason.ROLLED_OUT),
    ConditionType.PAUSED: ("False", OperatorReason.NOT_PAUSED),
    ConditionType.READY: ("True", OperatorReason.AS_EXPECTED),
}
Conditions = dict[ConditionType, tuple[str, str]]


def rendered(overlay: str) -> Manifest:
    """Return the bridge of an environment."""
    (bridge,) = bridges(kustomized(GITOPS / "overlays" / overlay))
    return bridge


def live(changed: Conditions | None = None, *, observed: int = 3) -> Manifest:
    """Return a bridge as it is in the cluster, well but for what is changed."""
    conditions = [
        {"type": str(kind), "status": status, "reason": str(reason), "message": f"about {kind}"}
        for kind, (status, reason) in {**RUNNING, **(changed or {})}.items()
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "plant", "generation": 3},
        "spec": {},
        "status": {"observedGeneration": observed, "conditions": conditions},
    }


NEW: Manifest = {key: value for key, value in live().items() if key != "status"}
CASES = {
    "new": (NEW, "Progressing", "waits"),
    "edited": (live(observed=2), "Progressing", "inProgress"),
    "well": (live(), "Healthy", "current"),
    "refused": (
        live({ConditionType.CONFIG_VALID: ("False", OperatorReason.INVALID_SPEC)}),
        "Degraded",
        "failed",
    ),
    "without a secret": (
        live(
            {
                ConditionType.SECRETS_RESOLVED: ("False", OperatorReason.SECRET_MISSING),
                ConditionType.READY: ("False", OperatorReason.SECRET_MISSING),
            }
        ),
        "Progressing",
        "waits",
    ),
    "rolling": (
        live({ConditionType.PROGRESSING: ("True", OperatorReason.ROLLING_OUT)}),
        "Progressing",
        "waits",
    ),
    "stuck": (
        live({ConditionType.PROGRESSING: ("False", OperatorReason.ROLL_OUT_STUCK)}),
        "Degraded",
        "failed",
    ),
    "in the way of another": (
        live(
            {
                ConditionType.PROGRESSING: ("False", OperatorReason.NAME_CONFLICT),
                ConditionType.READY: ("False", OperatorReason.NAME_CONFLICT),
            }
        ),
        "Degraded",
        "failed",
    ),
    "refused by the API server": (
        live(
            {
                ConditionType.PROGRESSING: ("False", OperatorReason.APPLY_REFUSED),
                ConditionType.READY: ("False", OperatorReason.APPLY_REFUSED),
            }
        ),
        "Degraded",
        "failed",
    ),
    "deleted": (
        live(
            {
                ConditionType.PROGRESSING: ("True", OperatorReason.DELETING),
                ConditionType.READY: ("False", OperatorReason.DELETING),
            }
        ),
        "Progressing",
        "waits",
    ),
    "paused": (
        live(
            {
                ConditionType.PAUSED: ("True", OperatorReason.PAUSED),
                ConditionType.READY: ("False", OperatorReason.PAUSED),
            }
        ),
        "Suspended",
        "current",
    ),
    "cut off": (
        live({ConditionType.READY: ("False", OperatorReason.PODS_NOT_READY)}),
        "Degraded",
        "waits",
    ),
    "unknown": (
        live({ConditionType.READY: ("Unknown", OperatorReason.STATUS_UNREACHABLE)}),
        "Progressing",
        "waits",
    ),
}
STATES = pytest.mark.parametrize(
    ("bridge", "argo", "flux"), CASES.values(), ids=[name.replace(" ", "-") for name in CASES]
)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_environment_has_the_mappings_of_every_team(overlay: str) -> None:
    """None takes the place of another's."""
    spec = rendered(overlay)["spec"]

    assert [mapping["name"] for mapping in spec["mqttToKafka"]] == [
        "energy-readings",
        "maintenance-alarms",
    ]
    assert [mapping["name"] for mapping in spec["kafkaToMqtt"]] == ["maintenance-commands"]


def test_environments_are_apart() -> None:
    """In namespace, brokers and pods; a session never has two owners."""
    staging, production = rendered("staging"), rendered("production")

    assert staging["metadata"]["namespace"] != production["metadata"]["namespace"]
    assert staging["spec"]["mqtt"]["servers"] != production["spec"]["mqtt"]["servers"]
    assert staging["spec"]["replicas"] == 1
    assert "replicas" not in production["spec"]


def test_a_teams_own_pipeline_and_the_platforms_never_own_one_mapping() -> None:
    """The names are apart, and the part names nothing else of the bridge."""
    (part,) = documents(GITOPS / "server-side-apply/energy.yaml")
    production = rendered("production")
    names = {mapping["name"] for mapping in production["spec"]["mqttToKafka"]}

    assert part["spec"].keys() == {"mqttToKafka"}
    assert not {mapping["name"] for mapping in part["spec"]["mqttToKafka"]} & names
    for key in ("name", "namespace"):
        assert part["metadata"][key] == production["metadata"][key]


def test_argo_cd_and_flux_apply_what_is_there() -> None:
    """The production overlay, to the namespace that it names."""
    production = rendered("production")["metadata"]
    destination = APPLICATION["spec"]["destination"]
    (check,) = KUSTOMIZATION["spec"]["healthChecks"]

    for path in (APPLICATION["spec"]["source"]["path"], KUSTOMIZATION["spec"]["path"]):
        assert (GITOPS.parents[1] / path / "kustomization.yaml").exists()
    assert destination["namespace"] == production["namespace"]
    assert check == {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": production["name"],
        "namespace": production["namespace"],
    }
    assert KUSTOMIZATION["spec"]["sourceRef"]["name"] == SOURCE["metadata"]["name"]
    assert (FLUX["apiVersion"], FLUX["kind"]) == (API_VERSION, KIND)


def test_argo_cd_leaves_alone_what_the_teams_pipeline_owns() -> None:
    """Its field manager is the one that the example tells it to use."""
    manager = APPLICATION["spec"]["ignoreDifferences"][0]["managedFieldsManagers"][0]
    said = (GITOPS / "server-side-apply/energy.yaml").read_text()

    assert f"--field-manager={manager} " in said
    assert f"`--field-manager={manager}`" in (GITOPS / "README.md").read_text()


@STATES
def test_argo_cd_knows_how_a_bridge_is(bridge: Manifest, argo: str, flux: str) -> None:
    """By the script, in the version of Lua that it has."""
    del flux
    lua = LuaRuntime()
    lua.globals().obj = lua.table_from(bridge, recursive=True)

    health = lua.execute(HEALTH[f"resource.customizations.health.{GROUP}_{KIND}"])

    assert health["status"] == argo
    assert health["message"]


@STATES
def test_flux_knows_how_a_bridge_is(bridge: Manifest, argo: str, flux: str) -> None:
    """By the expressions in the order in which it asks them; an error waits."""
    del argo

    assert verdict(bridge) == flux


def verdict(bridge: Manifest) -> str:
    """Return the first expression that is true."""
    context: dict[str, Any] = bridge
    for name in ("inProgress", "failed", "current"):
        try:
            if cel.evaluate(FLUX[name], context):
                return name
        except (RuntimeError, ValueError):  # what it names is not there yet
            return "waits"
    return "waits"
