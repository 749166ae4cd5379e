"""What Kafka's ACLs forbid: said by the mapping it hurts, and done when it is allowed."""

from mqtt_kafka_bridge.contract.status import MappingState, Reason
from tests.support.bridge import Bridge
from tests.support.certificates import Authority
from tests.support.scenario import Lab
from tests.support.scenario_checks import SECONDS, check_no_secret
from tests.support.scenario_config import inbound, login, outbound, split, trusting

SECRET = "r1ght-s3cret"  # noqa: S105 - the test's own


def test_what_acls_forbid_is_told_by_the_mapping_it_hurts_and_works_once_it_is_allowed(
    secure_lab: Lab, authority: Authority
) -> None:
    """Topics to write and to read, a group, dead letters; the other mappings flow meanwhile."""
    lab, user, admin = secure_lab, secure_lab.name, secure_lab.kafka.admin
    topics = {word: lab.topic(word) for word in ("good", "write", "read", "group", "poison")}
    admin.set_user(user, SECRET)
    admin.allow(user, "topic", topics["good"], "write", "describe")
    admin.allow(user, "topic", topics["poison"], "write", "describe")
    admin.allow(user, "topic", topics["write"], "describe")
    admin.allow(user, "topic", topics["group"], "read", "describe")
    admin.allow(user, "topic", lab.dead_letters, "write", "describe")
    admin.allow(user, "group", f"local.{lab.name}.read", "read")
    for word in ("read", "group"):
        lab.produce(topics[word], word.encode(), key=word.encode())
    bridge = lab.bridge(
        {
            "kafka": {
                "bootstrapServers": lab.kafka.sasl_bootstrap,
                "tls": trusting(authority),
                "authentication": login("scram-sha-512", user, SECRET, lab.folder / "password"),
            },
            **split(
                inbound("good", "good/#", topics["good"]),
                inbound("write", "write/#", topics["write"]),
                inbound("poison", "poison/#", topics["poison"], key="{payload.id}"),
                outbound("read", topics["read"], "out/{key}"),
                outbound("group", topics["group"], "out/{key}"),
            ),
        }
    )
    bridge.up()
    lab.publish("write/1", b"waits")
    lab.publish("poison/1", b"poison")
    expected = {
        "write": (Reason.TOPIC_FORBIDDEN, topics["write"], "--operation Write"),
        "poison": (Reason.DEAD_LETTER_BLOCKED, lab.dead_letters, "--operation Create"),
        "read": (Reason.TOPIC_FORBIDDEN, topics["read"], "--operation Read"),
        "group": (Reason.GROUP_FORBIDDEN, f"local.{lab.name}.group", "--group"),
    }
    for mapping, (reason, place, cure) in expected.items():
        await_waiting(bridge, mapping, reason, place, f"User:{user}", "kafka-acls.sh", cure)
    lab.publish("good/1", b"flows")
    assert [record.value for record in lab.records(topics["good"], 1)] == [b"flows"]
    assert bridge.mapping("good").state is MappingState.FORWARDING
    assert bridge.ready
    sink = lab.subscribe("out/#")
    admin.allow(user, "topic", topics["write"], "write")
    admin.allow(user, "topic", topics["read"], "read", "describe")
    admin.allow(user, "group", f"local.{lab.name}.group", "read")
    admin.allow(user, "topic", lab.dead_letters, "create")
    assert [record.value for record in lab.records(topics["write"], 1)] == [b"waits"]
    assert [record.value for record in lab.records(lab.dead_letters, 1)] == [b"poison"]
    assert {message.payload for message in lab.messages(sink, 2)} == {b"read", b"group"}
    check_no_secret(bridge, SECRET)


def await_waiting(bridge: Bridge, mapping: str, reason: Reason, *words: str) -> None:
    """Wait until a mapping waits for this reason and says these words, its log too."""

    def said() -> bool:
        trouble = bridge.mapping(mapping).trouble
        return trouble is not None and trouble.reason is reason

    bridge.await_condition(said, SECONDS, what=f"{mapping} says {reason}")
    found = bridge.mapping(mapping)
    assert found.state is MappingState.WAITING
    assert found.trouble is not None
    text = f"{found.trouble.message}; {found.trouble.cure}"
    assert all(word in text for word in words), text
    lines = [line for line in bridge.log_lines() if line.get("labels.mapping") == mapping]
    assert reason.value in [line.get("labels.reason") for line in lines]
