"""Showing what a mapping is doing: on the board, and in one log line each time that it changes."""

import structlog

from mqtt_kafka_bridge.contract.status import MappingState, Reason, Trouble
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.observe.board import MappingBoard

log = structlog.get_logger()


def show(board: MappingBoard, trouble: Trouble | None) -> None:
    """Show why a mapping can't go on, or that it can; one that drains or has stopped stays so."""
    if board.state in (MappingState.DRAINING, MappingState.STOPPED):
        return
    if trouble is None:
        if board.be(MappingState.FORWARDING):
            log.info("mapping forwards", mapping=board.name)
    elif board.be(MappingState.WAITING, trouble):
        log.warning("mapping waits", mapping=board.name, **words(trouble))


def show_stopped(board: MappingBoard, error: RefusedError) -> None:
    """Show the message that stopped a mapping; it is neither acknowledged nor committed."""
    trouble = Trouble(
        reason=Reason.MESSAGE_REFUSED,
        message=f"a message that can't be forwarded: {error.reason}, {error.message}",
        cure="repair what sends it, or set onError to DeadLetter or Drop; then restart",
    )
    board.be(MappingState.STOPPED, trouble)
    log.error("mapping stopped", mapping=board.name, **words(trouble))


def words(trouble: Trouble) -> dict[str, str]:
    """Return a trouble as fields of a log line."""
    return {"reason": trouble.reason.value, "trouble": trouble.message, "cure": trouble.cure}
