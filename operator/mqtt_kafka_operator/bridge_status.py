"""What the pods of bridges say of themselves at `/status`.

Asked by pod address, without a proxy. A pod that does not answer is told as such only when it has
not for a while: one slow answer shall not change a status. Fields that a newer bridge has more are
left out, as the operator is often the older of the two for a moment; another version of the
contract, or a word that is not known, is not guessed at.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import aiohttp
from pydantic import ValidationError

from mqtt_kafka_bridge.contract import BridgeStatus
from mqtt_kafka_bridge.contract.status import LinkStatus, MappingStatus, Trouble
from mqtt_kafka_operator.api import OperatorReason
from mqtt_kafka_operator.facts import Answer, Pod, Silence

PATIENCE_SECONDS: Final = 30.0
"""How long the last good answer holds, or none is waited for."""
MOST_BYTES: Final = 4_194_304
"""Of an answer; 200 mappings with 64 sessions each are some 3 MiB."""
SAME_WORDS_SECONDS: Final = 60.0
"""How long a trouble keeps its words while its reason stays: tries at several servers differ."""
_SECONDS: Final = 3.0
_AT_ONCE: Final = 32
"""Pods asked at the same time, of all bridges together."""
_OK: Final = 200
Bridge = tuple[str, str]


class _Last(NamedTuple):
    """What is remembered of one process of a pod."""

    uid: str
    at: float
    """When it last gave a status, or was first asked."""
    answer: Answer | None = None
    words_at: float = 0.0
    """When the words of its troubles were taken as they came."""


class Pollster:
    """Asks, and remembers the last answers.

    Args:
        session: of the library; whoever made it closes it.
        now: a clock, in seconds.
    """

    def __init__(
        self, session: aiohttp.ClientSession, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._session, self._now = session, now
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._known: dict[Bridge, dict[str, _Last]] = {}

    def answers(self, bridge: Bridge) -> Mapping[str, Answer]:
        """Return what the pods of a bridge said last, by their names.

        A pod that has just come and did not answer yet is not in it.
        """
        known = self._known.get(bridge, {})
        return {name: last.answer for name, last in known.items() if last.answer is not None}

    async def ask(self, bridge: Bridge, pods: Sequence[Pod]) -> bool:
        """Ask the pods of a bridge; return whether they say something else than before."""
        asked = [pod for pod in pods if pod.can_be_asked]
        found = await asyncio.gather(*(self._ask(pod) for pod in asked))
        before = self.answers(bridge)
        known = self._known.pop(bridge, {})
        if asked:
            self._known[bridge] = {
                pod.name: self._remembered(known.get(pod.name), pod, answer)
                for pod, answer in zip(asked, found, strict=True)
            }
        return _gist(before) != _gist(self.answers(bridge))

    def _remembered(self, last: _Last | None, pod: Pod, answer: Answer) -> _Last:
        """Return what holds now: a silence only once it has lasted."""
        now = self._now()
        if isinstance(answer, BridgeStatus):
            if last is None or last.uid != pod.uid or now - last.words_at >= SAME_WORDS_SECONDS:
                return _Last(pod.uid, now, answer, now)
            return _Last(pod.uid, now, _in_the_same_words(last.answer, answer), last.words_at)
        if last is None or last.uid != pod.uid:
            last = _Last(pod.uid, now, words_at=now)
        lasts = now - last.at >= PATIENCE_SECONDS
        sure = lasts or answer.reason is OperatorReason.STATUS_NOT_UNDERSTOOD
        return last._replace(answer=answer) if sure else last

    async def _ask(self, pod: Pod) -> Answer:
        if pod.port is None:
            return Silence(OperatorReason.STATUS_UNREACHABLE, "they have no port named http")
        host = f"[{pod.address}]" if ":" in (pod.address or "") else pod.address
        url = f"http://{host}:{pod.port}/status"
        async with self._slots:
            try:
                return await self._fetch(url)
            except TimeoutError:
                why = f"no answer within {_SECONDS:g} s"
            except aiohttp.ClientConnectorError as error:
                why = f"no connection ({error.os_error.strerror or type(error).__name__})"
            except aiohttp.ClientError as error:
                why = f"the connection failed ({type(error).__name__})"
        return Silence(OperatorReason.STATUS_UNREACHABLE, why)

    async def _fetch(self, url: str) -> Answer:
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        async with self._session.get(url, timeout=timeout, allow_redirects=False) as response:
            if response.status != _OK:
                why = f"they answer {response.status}"
                return Silence(OperatorReason.STATUS_UNREACHABLE, why)
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MOST_BYTES:
                    why = "they answer with more than a status can be long"
                    return Silence(OperatorReason.STATUS_NOT_UNDERSTOOD, why)
        return _read(bytes(body))


def _read(body: bytes) -> Answer:
    try:
        return BridgeStatus.model_validate_json(body, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        return Silence(OperatorReason.STATUS_NOT_UNDERSTOOD, f"{where}: {first['msg']}")


def _in_the_same_words(old: Answer | None, new: BridgeStatus) -> BridgeStatus:
    """Return a status in which a trouble that was there before has the words that it had."""
    if not isinstance(old, BridgeStatus):
        return new
    before = {(it.name, it.direction): it for it in old.mappings}
    mappings = [_reworded(before.get((it.name, it.direction)), it) for it in new.mappings]
    return new.model_copy(update={"mappings": mappings})


def _reworded(old: MappingStatus | None, new: MappingStatus) -> MappingStatus:
    if old is None:
        return new
    return new.model_copy(
        update={
            "trouble": _same(old.trouble, new.trouble),
            "mqtt": _link(old.mqtt, new.mqtt),
            "kafka": _link(old.kafka, new.kafka),
        }
    )


def _link(old: LinkStatus, new: LinkStatus) -> LinkStatus:
    return new.model_copy(update={"trouble": _same(old.trouble, new.trouble)})


def _same(old: Trouble | None, new: Trouble | None) -> Trouble | None:
    return old if old is not None and new is not None and old.reason is new.reason else new


def _gist(answers: Mapping[str, Answer]) -> dict[str, object]:
    """Return what matters of answers: counts move all the time."""
    leave_out = {"mappings": {"__all__": {"counts"}}}
    return {
        name: answer.model_dump(exclude=leave_out) if isinstance(answer, BridgeStatus) else answer
        for name, answer in answers.items()
    }
