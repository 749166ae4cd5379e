"""Probes, status and metrics over HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest

from mqtt_kafka_bridge.contract import BridgeConfig, BridgeStatus
from mqtt_kafka_bridge.contract.status import MappingState, Reason, Trouble
from mqtt_kafka_bridge.observe.board import Board
from mqtt_kafka_bridge.observe.heartbeat import Heartbeat
from mqtt_kafka_bridge.observe.http import ListenError, Server, serve


def board_of(*mappings: str) -> Board:
    """Return the board of a bridge with these mappings from MQTT."""
    config = BridgeConfig.model_validate(
        {
            "version": 1,
            "name": "plant",
            "mqtt": {"servers": ["mqtt://127.0.0.1:1883"]},
            "kafka": {"bootstrapServers": ["127.0.0.1:9092"]},
            "mqttToKafka": [
                {"name": name, "from": {"filter": "a/{x}"}, "to": {"topic": "a"}}
                for name in mappings
            ],
        }
    )
    return Board(config, "pod-1", lambda: datetime.now(UTC))


@pytest.fixture
def board() -> Board:
    """Return a board with two mappings."""
    return board_of("telemetry", "alarms")


@pytest.fixture
async def server(board: Board) -> AsyncIterator[Server]:
    """Serve the board on a free port."""
    server = await serve(board, "127.0.0.1", 0)
    yield server
    await server.close()


async def call(server: Server, path: str) -> tuple[int, str, str]:
    """Return status, content type and body."""
    async with aiohttp.ClientSession() as client, client.get(server.url + path) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def call_json(server: Server, path: str) -> tuple[int, object]:
    """Return status and body."""
    async with aiohttp.ClientSession() as client, client.get(server.url + path) as answer:
        return answer.status, await answer.json()


def connect(board: Board) -> None:
    """Say on the board that all links are up."""
    for mapping in board.mappings.values():
        flow = mapping.open("its session")
        flow.mqtt.up()
        flow.kafka.up()
        flow.be(MappingState.FORWARDING)


async def test_a_bridge_is_not_ready_before_its_links_are_up(board: Board, server: Server) -> None:
    """And it says which link, of which mapping, and why."""
    connect(board)
    board.mappings["alarms"].flows["its session"].kafka.down(
        Trouble(reason=Reason.KAFKA_BAD_CREDENTIALS, message="refused", cure="check the password")
    )

    assert await call_json(server, "/readyz") == (
        503,
        {
            "ready": False,
            "reasons": [
                {
                    "mapping": "alarms",
                    "link": "kafka",
                    "reason": "KafkaBadCredentials",
                    "message": "refused",
                    "cure": "check the password",
                }
            ],
        },
    )


async def test_a_bridge_is_ready_once_every_link_is_up(board: Board, server: Server) -> None:
    """Then there is nothing to say."""
    connect(board)

    assert await call_json(server, "/readyz") == (200, {"ready": True, "reasons": []})


async def test_a_mapping_in_trouble_of_its_own_takes_no_other_down(
    board: Board, server: Server
) -> None:
    """Its topic is missing: the others flow, so the pod stays ready (G6)."""
    connect(board)
    board.mappings["alarms"].flows["its session"].be(
        MappingState.WAITING, Trouble(reason=Reason.TOPIC_MISSING, message="no topic a")
    )

    status, _ = await call_json(server, "/readyz")

    assert status == 200


async def test_a_pod_whose_sessions_are_all_elsewhere_is_ready(
    board: Board, server: Server
) -> None:
    """Or a roll-out would hang; before anybody knows where they are it is not."""
    assert not board.ready
    board.wait(None)
    assert board.ready
    assert (await call(server, "/readyz"))[0] == 200


async def test_a_stopping_bridge_is_not_ready(board: Board, server: Server) -> None:
    """It must get no more traffic while it drains."""
    connect(board)
    board.stopping = True

    status, body = await call_json(server, "/readyz")

    assert status == 503
    assert isinstance(body, dict)
    assert [reason["reason"] for reason in body["reasons"]] == ["Stopping"]


async def test_a_bridge_without_mappings_is_ready() -> None:
    """Teams add theirs later."""
    server = await serve(board_of(), "127.0.0.1", 0)
    try:
        status, body = await call_json(server, "/readyz")
    finally:
        await server.close()

    assert status == 200
    assert isinstance(body, dict)
    assert [reason["reason"] for reason in body["reasons"]] == ["NoMappings"]


async def test_status_is_what_the_contract_says(board: Board, server: Server) -> None:
    """The operator reads it by the same model."""
    status, content_type, body = await call(server, "/status")

    assert (status, content_type) == (200, "application/json; charset=utf-8")
    assert '"startedAt"' in body
    assert BridgeStatus.model_validate_json(body) == board.status


async def test_metrics_are_served_in_the_format_asked_for(server: Server) -> None:
    """Prometheus asks for OpenMetrics."""
    accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
    async with (
        aiohttp.ClientSession(headers=accept) as client,
        client.get(server.url + "/metrics") as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        assert "mqttkafka_messages_total{" in await answer.text()


async def test_a_bridge_is_alive_while_its_loop_runs(server: Server) -> None:
    """Ready or not."""
    status, body = await call_json(server, "/livez")

    assert status == 200
    assert isinstance(body, dict)
    assert body["alive"] is True


async def test_an_event_loop_that_stands_still_shows_as_lag() -> None:
    """A blocked loop delays every message; the beat sees it, and remembers the worst."""
    heartbeat = Heartbeat()
    heartbeat.start()
    time.sleep(0.5)  # noqa: ASYNC251 - blocking the loop is the point

    assert heartbeat.lag_seconds >= 0.2
    worst = heartbeat.worst_seconds
    async with asyncio.timeout(10):
        while heartbeat.lag_seconds >= 0.2:  # noqa: ASYNC110 - a timer's state has no event
            await asyncio.sleep(0.01)
    assert heartbeat.worst_seconds >= worst
    heartbeat.stop()


async def test_a_port_in_use_is_said_with_its_cure(server: Server) -> None:
    """Not as a traceback."""
    port = int(server.url.rsplit(":", 1)[1])

    with pytest.raises(
        ListenError, match=rf"127\.0\.0\.1:{port}: Address already in use\..*http\.port"
    ):
        await serve(board_of(), "127.0.0.1", port)
    with pytest.raises(ListenError, match=r"192\.0\.2\.1:0: .*http\.port"):
        await serve(board_of(), "192.0.2.1", 0)


async def test_a_scraper_that_keeps_its_connection_does_not_hold_up_the_end(board: Board) -> None:
    """Prometheus keeps connections open for minutes."""
    server = await serve(board, "127.0.0.1", 0)
    async with aiohttp.ClientSession() as client:
        async with client.get(server.url + "/livez") as answer:
            await answer.read()
        async with asyncio.timeout(5):
            await server.close()
