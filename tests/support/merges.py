"""Cases of merging a patch into a pod's spec: what goes in, and what comes out."""

from typing import Any, NamedTuple

Json = dict[str, Any]
BASE: Json = {
    "terminationGracePeriodSeconds": 30,
    "securityContext": {"fsGroup": 1, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "bridge",
            "image": "bridge:1",
            "args": ["run", "file"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "ports": [{"name": "http", "containerPort": 8080}],
            "volumeMounts": [{"name": "config", "mountPath": "/etc/bridge", "readOnly": True}],
            "resources": {"requests": {"cpu": "250m", "memory": "128Mi"}},
        }
    ],
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "topologySpreadConstraints": [
        {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"},
        {"topologyKey": "host", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"},
    ],
    "volumes": [{"name": "config", "configMap": {"name": "bridge"}}],
}


class Case(NamedTuple):
    """A patch, and the keys of the spec that come out otherwise than in BASE."""

    claim: str
    patch: Json
    changed: Json
    gone: tuple[str, ...] = ()


def container(**changes: object) -> list[Json]:
    """Return the containers of BASE with changes."""
    return [{**BASE["containers"][0], **changes}]


def bridge(**patch: object) -> Json:
    """Return a patch of the container."""
    return {"containers": [{"name": "bridge", **patch}]}


CASES = [
    Case("nothing changes nothing", {}, {}),
    Case(
        "a scalar takes the place of another",
        {"terminationGracePeriodSeconds": 60},
        {"terminationGracePeriodSeconds": 60},
    ),
    Case("what is new is added", {"schedulerName": "mine"}, {"schedulerName": "mine"}),
    Case(
        "maps are merged at any depth",
        bridge(resources={"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}),
        {
            "containers": container(
                resources={
                    "requests": {"cpu": "1", "memory": "128Mi"},
                    "limits": {"memory": "1Gi"},
                }
            )
        },
    ),
    Case(
        "null deletes",
        {"securityContext": {"fsGroup": None}},
        {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
    ),
    Case("null deletes a whole map", {"securityContext": None}, {}, ("securityContext",)),
    Case(
        "null in what is new is nothing",
        {"affinity": {"nodeAffinity": None, "podAffinity": {}}},
        {"affinity": {"podAffinity": {}}},
    ),
    Case(
        "containers are merged by name",
        {"containers": [{"name": "bridge", "image": "other:2"}]},
        {"containers": container(image="other:2")},
    ),
    Case(
        "another container is added",
        {"containers": [{"name": "beside", "image": "beside:1"}]},
        {"containers": [*container(), {"name": "beside", "image": "beside:1"}]},
    ),
    Case(
        "arguments are replaced",
        bridge(args=["check"]),
        {"containers": container(args=["check"])},
    ),
    Case(
        "variables are merged by name",
        bridge(env=[{"name": "A", "value": "9"}, {"name": "C", "value": "3"}]),
        {
            "containers": container(
                env=[
                    {"name": "A", "value": "9"},
                    {"name": "B", "value": "2"},
                    {"name": "C", "value": "3"},
                ]
            )
        },
    ),
    Case(
        "ports are merged by their number",
        bridge(ports=[{"containerPort": 8080, "hostPort": 80}, {"containerPort": 9000}]),
        {
            "containers": container(
                ports=[
                    {"name": "http", "containerPort": 8080, "hostPort": 80},
                    {"containerPort": 9000},
                ]
            )
        },
    ),
    Case(
        "mounts are merged by path",
        bridge(volumeMounts=[{"name": "notes", "mountPath": "/notes"}]),
        {
            "containers": container(
                volumeMounts=[
                    {"name": "config", "mountPath": "/etc/bridge", "readOnly": True},
                    {"name": "notes", "mountPath": "/notes"},
                ]
            )
        },
    ),
    Case(
        "volumes are merged by name",
        {"volumes": [{"name": "notes", "emptyDir": {}}]},
        {
            "volumes": [
                {"name": "config", "configMap": {"name": "bridge"}},
                {"name": "notes", "emptyDir": {}},
            ]
        },
    ),
    Case(
        "pull secrets are added by name",
        {"imagePullSecrets": [{"name": "registry"}]},
        {"imagePullSecrets": [{"name": "registry"}]},
    ),
    Case(
        "tolerations are replaced",
        {"tolerations": [{"key": "b", "operator": "Exists"}]},
        {"tolerations": [{"key": "b", "operator": "Exists"}]},
    ),
    Case(
        "constraints are merged by their topology",
        {
            "topologySpreadConstraints": [
                {"topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
                {"topologyKey": "rack", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"},
            ]
        },
        {
            "topologySpreadConstraints": [
                {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"},
                {"topologyKey": "host", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"},
                {"topologyKey": "rack", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"},
            ]
        },
    ),
    Case(
        "$patch: delete takes an item out",
        {"topologySpreadConstraints": [{"topologyKey": "zone", "$patch": "delete"}]},
        {"topologySpreadConstraints": [BASE["topologySpreadConstraints"][1]]},
    ),
    Case(
        "$patch: replace takes the place of a list",
        bridge(env=[{"$patch": "replace"}, {"name": "C", "value": "3"}]),
        {"containers": container(env=[{"name": "C", "value": "3"}])},
    ),
    Case(
        "$patch: replace takes the place of a map",
        {"securityContext": {"$patch": "replace", "runAsUser": 5}},
        {"securityContext": {"runAsUser": 5}},
    ),
    Case(
        "$patch: delete empties a map",
        {"securityContext": {"$patch": "delete"}},
        {"securityContext": {}},
    ),
]
