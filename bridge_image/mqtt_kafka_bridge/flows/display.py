"""Showing what a mapping is doing: on the board, and in one log line each time that it changes."""

from collections.abc import Callable

import structlog

from mqtt_kafka_bridge.contract.status import MappingState, Reason, Trouble
from mqtt_kafka_bridge.errors import BridgeError, RefusedError
from mqtt_kafka_bridge.observe.flow_board import FlowBoard

log = structlog.get_logger()


def show(board: FlowBoard) -> None:
    """Show what a mapping is doing, after a link or a hindrance changed."""
    if not board.judge():
        return
    if board.state is MappingState.FORWARDING:
        log.info("mapping forwards", mapping=board.name)
    elif board.trouble is not None and board.trouble.reason is not Reason.STARTING:
        event = "mapping stalls" if board.state is MappingState.STALLED else "mapping waits"
        log.warning(event, mapping=board.name, **words(board.trouble))


def hinder(
    board: FlowBoard,
    origin: str,
    trouble: Trouble | None,
    state: MappingState = MappingState.WAITING,
) -> None:
    """Show why a mapping can't go on, or that this origin (a word) is no hindrance any more."""
    if trouble is None:
        board.hindrances.pop(origin, None)
    else:
        board.hindrances[origin] = state, trouble
    show(board)


def show_mqtt_down(board: FlowBoard, client: str, error: BridgeError) -> None:
    """Show that a client (a word) is not connected to the broker; say so once for each reason."""
    news = board.mqtt.trouble != error.trouble
    board.mqtt.down(error.trouble)
    if news:
        log.warning("%s not connected", client, mapping=board.name, **words(error.trouble))
    show(board)


def show_mqtt_up(board: FlowBoard, client: str, **facts: str | int | bool) -> None:
    """Show that a client (a word) is connected to the broker."""
    board.mqtt.up()
    log.info("%s connected", client, mapping=board.name, **facts)
    show(board)


def show_stopped(board: FlowBoard, error: RefusedError) -> None:
    """Show the message that stopped a mapping; it is neither acknowledged nor committed."""
    trouble = Trouble(
        reason=Reason.MESSAGE_REFUSED,
        message=f"a message that can't be forwarded: {error.reason}, {error.message}",
        cure="repair what sends it, or set onError to DeadLetter or Drop; then restart",
    )
    board.be(MappingState.STOPPED, trouble)
    log.error("mapping stopped", mapping=board.name, **words(trouble))


def saying(event: str) -> Callable[[BridgeError], None]:
    """Return what logs why something takes longer, once for each reason in a row."""
    said: Trouble | None = None

    def say(error: BridgeError) -> None:
        nonlocal said
        if error.trouble != said:
            log.warning(event, **words(error.trouble))
        said = error.trouble

    return say


def words(trouble: Trouble) -> dict[str, str]:
    """Return a trouble as fields of a log line."""
    return {"reason": trouble.reason.value, "trouble": trouble.message, "cure": trouble.cure}
