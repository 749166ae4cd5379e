"""Which rights the chart gives, to the operator and to people."""

from itertools import product

import pytest

from mqtt_kafka_operator import names
from tests.support import helm
from tests.support.helm import EVERYTHING, Object

CLUSTER_WIDE_RESOURCES = {"namespaces", "nodes", "customresourcedefinitions"}
Right = tuple[str, str, str]
"""Group, resource, verb."""


def rights(*roles: Object) -> set[Right]:
    """Return every right that roles give, one by one."""
    return {
        right
        for role in roles
        for rule in role["rules"]
        for right in product(rule["apiGroups"], rule["resources"], rule["verbs"])
    }


def operators_roles(objects: list[Object]) -> list[Object]:
    """Return the roles that the operator's account is bound to."""
    bindings = [o for o in objects if o["kind"] in {"ClusterRoleBinding", "RoleBinding"}]
    return [
        role
        for binding in bindings
        for role in helm.of_kind(objects, binding["roleRef"]["kind"])
        if role["metadata"]["name"] == binding["roleRef"]["name"]
        and role["metadata"].get("namespace") == binding["metadata"].get("namespace")
    ]


def people(objects: list[Object], cluster_role: str) -> set[Right]:
    """Return what one of the cluster's own roles gets by this chart."""
    label = f"rbac.authorization.k8s.io/aggregate-to-{cluster_role}"
    found = [r for r in helm.of_kind(objects, "ClusterRole") if label in r["metadata"]["labels"]]
    return rights(*found)


BOTH_SCOPES = pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["cluster", "namespaces"])


@BOTH_SCOPES
def test_no_right_is_a_wildcard(values: helm.Values) -> None:
    """Of the operator or of anybody."""
    objects = helm.render(values)
    roles = [*helm.of_kind(objects, "ClusterRole"), *helm.of_kind(objects, "Role")]

    assert roles
    assert [right for right in rights(*roles) if "*" in right] == []


@BOTH_SCOPES
def test_the_operator_reads_secrets_and_writes_none(values: helm.Values) -> None:
    """Bridges mount them as they are."""
    given = rights(*operators_roles(helm.render(values)))

    assert {verb for _, resource, verb in given if resource.startswith("secrets")} == {
        "get",
        "list",
        "watch",
    }


@BOTH_SCOPES
def test_the_operator_may_write_what_a_bridge_is_made_of_and_nothing_else(
    values: helm.Values,
) -> None:
    """The kinds that it renders; it tells of them by Events, and is one by its Lease."""
    given = rights(*operators_roles(helm.render(values)))
    owned = {
        (kind.api_version.rpartition("/")[0], kind.plural) for kind in (*names.CHILDREN, names.JOB)
    }
    created = {right[:2] for right in given if right[2] == "create"}
    others = {("events.k8s.io", "events"), ("coordination.k8s.io", "leases")}

    assert created - others == owned
    for verb in ("get", "list", "watch", "patch", "delete"):
        assert owned <= {right[:2] for right in given if right[2] == verb}


@BOTH_SCOPES
def test_the_operator_can_get_no_further_rights(values: helm.Values) -> None:
    """It runs nothing in a pod, makes no token, touches no role, impersonates nobody."""
    given = rights(*operators_roles(helm.render(values)))

    groups = {group for group, _, _ in given}
    assert not groups & {"rbac.authorization.k8s.io", "certificates.k8s.io"}
    assert not {verb for _, _, verb in given} & {"bind", "escalate", "impersonate"}
    assert {resource for _, resource, _ in given if "/" in resource} == {
        "mqttkafkabridges/status",
        "mqttkafkabridges/finalizers",
    }
    assert ("", "pods", "create") not in given


@BOTH_SCOPES
def test_the_operator_never_writes_what_a_bridge_should_be(values: helm.Values) -> None:
    """It creates and deletes none; `patch` is for its finalizer, the status has its own right."""
    given = rights(*operators_roles(helm.render(values)))

    verbs = {verb for _, resource, verb in given if resource == "mqttkafkabridges"}
    assert verbs == {"get", "list", "watch", "patch"}


def test_a_watched_namespace_gives_what_the_cluster_would() -> None:
    """The same rights; and none on what only the cluster has."""
    everywhere = helm.one(helm.render(), "ClusterRole", helm.RELEASE)
    objects = helm.render(EVERYTHING)
    roles = [r for r in helm.of_kind(objects, "Role") if r["metadata"]["name"] == helm.RELEASE]

    assert [role["metadata"]["namespace"] for role in roles] == ["factory", "harbour"]
    assert all(rights(role) == rights(everywhere) for role in roles)
    assert not {resource for _, resource, _ in rights(everywhere)} & CLUSTER_WIDE_RESOURCES


def test_a_team_without_rights_in_the_cluster_can_install() -> None:
    """What is the cluster's, it leaves to others by two values."""
    objects = helm.render(
        {**EVERYTHING, "crd": {"create": False}, "rbac": {"aggregatedRoles": False}}
    )

    assert [o["kind"] for o in objects if o["kind"] in helm.CLUSTER_WIDE] == []


@BOTH_SCOPES
def test_the_lease_stands_beside_the_operator(values: helm.Values) -> None:
    """And the right is for that one only, but to create it, which has no name yet."""
    objects = helm.render(values)
    role = helm.one(objects, "Role", f"{helm.RELEASE}-lease")
    create, named = role["rules"]

    assert role["metadata"]["namespace"] == helm.NAMESPACE
    assert create["verbs"] == ["create"]
    assert named["resourceNames"] == [helm.RELEASE]
    assert role in operators_roles(objects)
    elsewhere = [r for r in operators_roles(objects) if r is not role]
    assert "coordination.k8s.io" not in {group for group, _, _ in rights(*elsewhere)}


def test_every_binding_is_for_the_operators_account() -> None:
    """In its own namespace."""
    objects = helm.render(EVERYTHING)
    bindings = [o for o in objects if o["kind"] in {"ClusterRoleBinding", "RoleBinding"}]
    account = {
        "kind": "ServiceAccount",
        "name": helm.one(objects, "ServiceAccount")["metadata"]["name"],
        "namespace": helm.NAMESPACE,
    }

    assert len(bindings) == 3
    assert [binding["subjects"] for binding in bindings] == [[account]] * 3


def test_who_may_view_a_namespace_may_view_its_bridges() -> None:
    """Status and scale included; nothing else."""
    given = people(helm.render(), "view")

    assert {verb for _, _, verb in given} == {"get", "list", "watch"}
    assert {resource for _, resource, _ in given} == {
        "mqttkafkabridges",
        "mqttkafkabridges/status",
        "mqttkafkabridges/scale",
    }


def test_who_may_edit_a_namespace_may_edit_its_bridges() -> None:
    """And scale them; the status is the operator's."""
    given = people(helm.render(), "edit")

    assert {(resource, verb) for _, resource, verb in given} == {
        *product(["mqttkafkabridges"], ["create", "update", "patch", "delete", "deletecollection"]),
        *product(["mqttkafkabridges/scale"], ["update", "patch"]),
    }


def test_whoever_runs_the_cluster_may_keep_roles_to_himself() -> None:
    """Then there is none of the chart's, for the operator or for people."""
    objects = helm.render({"rbac": {"create": False, "aggregatedRoles": False}})

    assert [o["kind"] for o in objects if "Role" in o["kind"]] == []
