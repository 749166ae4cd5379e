"""The messages of a measurement: their topics, their payloads, and how a sink recognises them.

Message `i` of a load goes to device `i mod topics` and is number `i // topics` of that device.
Both numbers stand at fixed places in the payload, so that whoever reads the messages back can
prove count, order, loss and duplicates without any memory of what was sent. All messages of a load
have the same length, so that thousands of packets are written, and read, as one matrix of bytes.
"""

import random
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

DEVICE_DIGITS = 6
NUMBER_DIGITS = 8
FILTER = "plant/{line}/{device}/telemetry"
COMMAND_TOPIC = "plant/{key}/command"
PACKET_IDS = 65535
_LINES = 10
_JSON_FROM = 64
_FOUR_DIGITS: Bytes = np.array(
    [list(f"{number:04}".encode()) for number in range(10_000)], dtype=np.uint8
)


def digits(numbers: Ints, width: int) -> Bytes:
    """Return the numbers as rows of decimal ASCII digits with leading zeros; width 1 to 8."""
    high, low = numbers // 10_000, numbers % 10_000
    return np.hstack([_FOUR_DIGITS[high], _FOUR_DIGITS[low]])[:, 8 - width :]


def numbers(rows: Bytes) -> Ints:
    """Return the numbers that rows of decimal ASCII digits stand for; the inverse of `digits`."""
    scale = 10 ** np.arange(rows.shape[1] - 1, -1, -1, dtype=np.int64)
    result: Ints = (rows.astype(np.int64) - ord("0")) @ scale
    return result


def device_name(device: int) -> str:
    """Return a device's name: the Kafka key of its commands."""
    return f"d{device:0{DEVICE_DIGITS}}"


def telemetry_topic(device: int) -> str:
    """Return the MQTT topic to which a device publishes."""
    return f"plant/l{device % _LINES}/{device_name(device)}/telemetry"


def command_topic(device: int) -> str:
    """Return the MQTT topic on which a device gets its commands."""
    return f"plant/{device_name(device)}/command"


@dataclass(frozen=True)
class Load:
    """What is sent: how many topics, payloads of how many bytes, at which QoS."""

    topics: int = 1000
    payload_bytes: int = 200
    qos: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.topics <= 10**DEVICE_DIGITS:
            raise ValueError(f"topics must lie between 1 and {10**DEVICE_DIGITS}")
        if self.payload_bytes < DEVICE_DIGITS + NUMBER_DIGITS + 2:
            raise ValueError("payload_bytes is too small for the device and its number")
        if self.qos not in {0, 1}:
            raise ValueError("qos must be 0 or 1")

    @cached_property
    def device_at(self) -> slice:
        """Where a payload has its device's number."""
        start = len(b'{"device":"d') if self._is_json else 0
        return slice(start, start + DEVICE_DIGITS)

    @cached_property
    def number_at(self) -> slice:
        """Where a payload has its own number within its device's messages."""
        start = self.device_at.stop + (len(b'","seq":"') if self._is_json else 1)
        return slice(start, start + NUMBER_DIGITS)

    @property
    def _is_json(self) -> bool:
        return self.payload_bytes >= _JSON_FROM

    def body(self, rng: random.Random) -> bytes:
        """Return a payload with zeros for its numbers.

        From 64 bytes on it is a JSON object: half of it readings with random digits, the other
        half random base-32 text; below it is the two numbers and random text. A hundred of them
        shrink to between a half and a third by zstd: less than real telemetry does.
        """
        size = self.payload_bytes
        if not self._is_json:
            head = f"{0:0{DEVICE_DIGITS}} {0:0{NUMBER_DIGITS}} "
            return (head + _noise(rng, size - len(head))).encode()[:size]
        text = f'{{"device":"d{0:0{DEVICE_DIGITS}}","seq":"{0:0{NUMBER_DIGITS}}",'
        index = 0
        rest = '"pad":""}'
        while len(text) + len(reading := _reading(rng, index)) <= min(size // 2, size - len(rest)):
            text, index = text + reading, index + 1
        return f'{text}"pad":"{_noise(rng, size - len(text) - len(rest))}"}}'.encode()

    def payload(self, index: int, body: bytes) -> bytes:
        """Return message `index` made from a body."""
        filled = bytearray(body)
        filled[self.device_at] = f"{index % self.topics:0{DEVICE_DIGITS}}".encode()
        filled[self.number_at] = f"{index // self.topics:0{NUMBER_DIGITS}}".encode()
        return bytes(filled)

    def bodies(self, count: int, seed: int = 1) -> list[bytes]:
        """Return `count` different bodies, the same for the same seed."""
        rng = random.Random(seed)
        return [self.body(rng) for _ in range(count)]


def _noise(rng: random.Random, length: int) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=length))


def _reading(rng: random.Random, index: int) -> str:
    name = ("temperature", "pressure", "vibration", "current", "flow")[index % 5]
    group = "" if index < 5 else str(index // 5)
    return f'"{name}{group}":{rng.uniform(10, 90):.3f},'


class PacketRing:
    """Write PUBLISH packets (MQTT 5, no properties), thousands at a time.

    A ring of ready-made packets with different bodies; only the numbers and packet ids are written
    anew. Packet ids run 1 to 65535 and start again, so the ring's packet `i` has id
    `i mod 65535 + 1`. It is message `i`; or, where a load is dealt out to `every` connections,
    message `i * every + offset`.
    """

    def __init__(self, load: Load, rows: int = 4096, *, every: int = 1, offset: int = 0) -> None:
        topic = telemetry_topic(0).encode()
        head = len(topic).to_bytes(2) + topic + (b"\0\0" if load.qos else b"") + b"\0"
        bodies = load.bodies(rows)
        fixed = bytes([0x30 | load.qos << 1]) + varint(len(head) + load.payload_bytes)
        packets = [fixed + head + body for body in bodies]
        self._rows: Bytes = (
            np.frombuffer(b"".join(packets), dtype=np.uint8).reshape(rows, -1).copy()
        )
        self._load = load
        self._every, self._offset = every, offset
        self._devices = digits(np.arange(load.topics, dtype=np.int64), DEVICE_DIGITS)
        topic_start = len(fixed) + 2
        self._line_at = topic_start + len("plant/l")
        self._topic_device_at = _shift(slice(0, DEVICE_DIGITS), self._line_at + len("0/d"))
        self._id_at = topic_start + len(topic)
        payload_start = len(fixed) + len(head)
        self._device_at = _shift(load.device_at, payload_start)
        self._number_at = _shift(load.number_at, payload_start)
        self.packet_bytes = self._rows.shape[1]

    def packets(self, first: int, count: int) -> memoryview:
        """Return packets `first` and up to `count` - 1 that follow it, as one run of bytes.

        The bytes are valid until the next call. Fewer come at the ring's end: divide the length by
        `packet_bytes`.
        """
        row = first % len(self._rows)
        block = self._rows[row : row + count]
        index = np.arange(first, first + len(block), dtype=np.int64)
        message = index * self._every + self._offset
        device = self._devices[message % self._load.topics]
        block[:, self._line_at] = device[:, -1]
        block[:, self._topic_device_at] = device
        block[:, self._device_at] = device
        block[:, self._number_at] = digits(message // self._load.topics, NUMBER_DIGITS)
        if self._load.qos:
            packet_id = index % PACKET_IDS + 1
            block[:, self._id_at] = packet_id >> 8
            block[:, self._id_at + 1] = packet_id & 0xFF
        return block.reshape(-1).data


def _shift(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def varint(value: int) -> bytes:
    """Return an MQTT Variable Byte Integer [MQTT-1.5.5-1]."""
    result = bytearray()
    while value > 127:
        result.append(value % 128 | 0x80)
        value //= 128
    result.append(value)
    return bytes(result)
