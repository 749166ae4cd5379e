"""Count PUBACKs and check them: all known, none twice, in the order of the messages."""

from dataclasses import dataclass, field

import mqtt5
import numpy as np
import numpy.typing as npt

from bench.messages import PACKET_IDS, Ints

_PUBACK = 0x4002
_REFUSED = 0x80

Flags = npt.NDArray[np.bool_]

Other = (
    mqtt5.ConnectPacket
    | mqtt5.SubscribePacket
    | mqtt5.UnsubscribePacket
    | mqtt5.PingReqPacket
    | mqtt5.DisconnectPacket
)


@dataclass
class AckLedger:
    """Know which packet ids are in use; fed with what the client sends."""

    acknowledged: int = 0
    unknown: int = 0
    """PUBACKs for an id that was not in use: sent twice, or before the message."""
    refused: int = 0
    """PUBACKs with a reason code of 0x80 or above."""
    order_breaks: int = 0
    """PUBACKs that do not follow the one before them [MQTT-4.6.0-2]."""
    _in_use: Flags = field(default_factory=lambda: np.zeros(PACKET_IDS + 1, dtype=np.bool_))
    _last_id: int = 0
    _rest: bytes = b""

    def sent(self, first: int, count: int) -> None:
        """Note that messages `first` and following, `count` of them, are under way."""
        self._in_use[np.arange(first, first + count, dtype=np.int64) % PACKET_IDS + 1] = True

    def is_free(self, first: int, count: int) -> bool:
        """Tell whether none of these messages' packet ids is still in use."""
        ids = np.arange(first, first + count, dtype=np.int64) % PACKET_IDS + 1
        return not self._in_use[ids].any()

    def feed(self, data: bytes) -> tuple[Ints, list[Other]]:
        """Return the ids just acknowledged, and whatever else the client sent."""
        others: list[Other] = []
        data = self._rest + data if self._rest else data
        whole = len(data) & ~3
        words = np.frombuffer(data, dtype=">u2", count=whole // 2).reshape(-1, 2)
        is_puback = len(data) == whole or data[whole] == _PUBACK >> 8
        if is_puback and bool((words[:, 0] == _PUBACK).all()):
            ids, self._rest = words[:, 1].astype(np.int64), data[whole:]
        else:
            ids, others = self._parse(data)
        self._check(ids)
        return ids, others

    def _parse(self, data: bytes) -> tuple[Ints, list[Other]]:
        """Read packet by packet: the client sent more than plain PUBACKs."""
        ids: list[int] = []
        others: list[Other] = []
        view, at = memoryview(data), 0
        while at < len(view):
            try:
                packet, used = mqtt5.read(view[at:])
            except IndexError:
                break
            at += used
            if isinstance(packet, mqtt5.PubAckPacket):
                ids.append(packet.packet_id)
                self.refused += packet.reason_code.value >= _REFUSED
            elif isinstance(packet, Other):
                others.append(packet)
            else:
                raise TypeError(f"the client sent a {type(packet).__name__}")
        self._rest = bytes(view[at:])
        return np.array(ids, dtype=np.int64), others

    def _check(self, ids: Ints) -> None:
        if not len(ids):
            return
        before = np.concatenate(([self._last_id], ids[:-1]))
        self.order_breaks += int(np.count_nonzero(before % PACKET_IDS + 1 != ids))
        in_use = np.count_nonzero(self._in_use)
        self._in_use[ids] = False
        self.unknown += int(len(ids) - in_use + np.count_nonzero(self._in_use))
        self._last_id = int(ids[-1])
        self.acknowledged += len(ids)
