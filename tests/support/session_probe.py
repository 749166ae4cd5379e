"""Whether an MQTT broker keeps a session for a client id."""

import asyncio
from urllib.parse import urlsplit

import mqtt5

from tests.support.mqtt_client import closed, packets


async def is_kept(url: str, client_id: str) -> bool:
    """Connect as this client without a clean start, and tell whether there was a session.

    There is none afterwards.
    """
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    connect = mqtt5.ConnectPacket(client_id, clean_start=False, session_expiry_interval=0)
    writer.write(connect.write())
    try:
        answer = await anext(packets(reader))
        assert isinstance(answer, mqtt5.ConnAckPacket), answer
        return answer.session_present
    finally:
        writer.write(mqtt5.DisconnectPacket().write())
        await closed(writer)
