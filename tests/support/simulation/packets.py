"""Whole packets out of pieces of any size."""

import mqtt5


class Packets:
    """Whole packets out of pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[mqtt5.Packet]:
        """Add bytes; return the packets that are whole now."""
        view = memoryview(self._rest + data)
        packets, position = [], 0
        while position < len(view):
            try:
                packet, size = mqtt5.read(view[position:])
            except IndexError:
                break
            packets.append(packet)
            position += size
        self._rest = bytes(view[position:])
        return packets
