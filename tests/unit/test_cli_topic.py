"""The sessions of a bridge as its coordination topic has them, as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.coordination.records import RecordState, SessionRecord, session_key
from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.coordination.view import View
from mqtt_kafka_bridge.kafka.session_overview import Overview
from mqtt_kafka_cli import text
from mqtt_kafka_cli.__main__ import main
from mqtt_kafka_cli.topic import topic_report

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CONFIG = BridgeConfig.model_validate(
    {
        "version": 1,
        "name": "plant",
        "mqtt": {"servers": ["mqtt://broker:1883"]},
        "kafka": {"bootstrapServers": ["kafka:9092"]},
    }
)
STATE = MqttToKafka.model_validate(
    {"name": "state", "from": {"filter": "state/#"}, "to": {"topic": "state"}}
)
CLIENT_ID = "local.plant.state.0a1b2c3d"


def view(state: RecordState, pod: str = "plant-0") -> View:
    """Return what one record says."""
    record = SessionRecord(
        mapping="state",
        member=0,
        generation=2,
        state=state,
        term=None if state is RecordState.CLAIMED else 4,
        pod=pod,
        instance="abc",
        at=NOW - timedelta(minutes=3),
        definition=STATE,
    )
    found = View()
    found.apply(session_key(CLIENT_ID), record.encode(), 5)
    return found


def shown(found: View, *pods: str, slots: int = 64) -> list[str]:
    """Return the lines of an overview."""
    report = topic_report(CONFIG, Overview(found, slots, list(pods)))
    return list(text.of_topic(report, NOW, None))


def test_every_session_is_shown_with_who_holds_it_and_since_when() -> None:
    slot = slot_of("state", 0, 64)
    assert shown(view(RecordState.CLAIMED), "plant-0", "plant-1") == [
        "local/plant, topic mqttkafka.local.plant.sessions",
        "pods that take part: plant-0, plant-1",
        "",
        "SESSIONS OF  MEMBER  SLOT  POD      TERM  STATE    SINCE  GENERATION  CLIENT ID",
        f"state             0  {slot:>4}  plant-0     5  Claimed  3m              2  {CLIENT_ID}",
    ]


def test_a_pod_that_is_gone_without_handing_over_is_a_trouble() -> None:
    lines = shown(view(RecordState.CLAIMED), "plant-1")
    assert lines[-3] == "TROUBLE"
    assert lines[-2].startswith("plant-0: gone without handing over")
    assert "TROUBLE" not in shown(view(RecordState.RELEASED), "plant-1")


def test_a_record_that_can_not_be_read_is_a_trouble() -> None:
    found = View()
    found.apply(b"session/later", b'{"v": 2}', 0)
    lines = shown(found)
    assert lines[1:4] == ["pods that take part: none", "", "It holds no session."]
    assert lines[-2].startswith("the record session/later can't be read: has version 2")


def test_a_topic_that_does_not_exist_is_said() -> None:
    assert shown(View(), slots=0)[-1].startswith("There is no such topic")


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "--file", "no-such-file"],
        ["retire", "no-such-file"],
        ["retire", "no-such-file", "--timeout", "5m"],
    ],
)
def test_a_file_that_can_not_be_read_is_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "no-such-file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status", "mqtt://plant"], "is no address"),
        (["status", "plant:8080", "--file", "bridge.yaml"], "not allowed with"),
        (["retire", "bridge.yaml", "--timeout", "5"], "no duration"),
        (["retire"], "FILE"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
