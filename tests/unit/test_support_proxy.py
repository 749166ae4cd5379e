"""The proxy makes the weather that it is told to, and writes down what passes."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.support.ports import free_port
from tests.support.proxy import Proxy


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes."""
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A recording proxy before an echo server."""
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, Proxy(server.sockets[0].getsockname()[1], record=True) as one:
        yield one


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def ends(proxy: Proxy) -> AsyncIterator[Ends]:
    """A client's connection through the proxy."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    yield reader, writer
    writer.close()


async def seconds_for(ends: Ends, data: bytes) -> float:
    """Send bytes, await them back, return how long that took."""
    began = time.monotonic()
    ends[1].write(data)
    async with asyncio.timeout(10):
        assert await ends[0].readexactly(len(data)) == data
    return time.monotonic() - began


async def test_what_passes_is_written_down_in_order(proxy: Proxy, ends: Ends) -> None:
    """With direction and time."""
    await seconds_for(ends, b"ping")
    assert [(c.connection, c.to_server, c.data) for c in proxy.chunks] == [
        (0, True, b"ping"),
        (0, False, b"ping"),
    ]
    assert proxy.chunks[0].at < proxy.chunks[1].at


async def test_latency_holds_each_way(proxy: Proxy, ends: Ends) -> None:
    """A round trip takes it twice."""
    proxy.weather.latency_seconds = 0.05
    assert await seconds_for(ends, b"ping") >= 0.1


async def test_a_narrow_network_takes_its_time(proxy: Proxy, ends: Ends) -> None:
    """Five slices of 1000 bytes at 20,000 a second, each way."""
    proxy.weather.bytes_per_second = 20_000
    proxy.weather.slice_bytes = 1000
    assert await seconds_for(ends, bytes(5000)) >= 0.2


async def test_slices_are_handed_on_one_by_one(proxy: Proxy, ends: Ends) -> None:
    """One byte at a time."""
    proxy.weather.slice_bytes = 1
    await seconds_for(ends, b"abc")
    assert [c.data for c in proxy.chunks if c.to_server] == [b"a", b"b", b"c"]


async def test_a_stalled_network_loses_nothing(proxy: Proxy, ends: Ends) -> None:
    """It is only late."""
    proxy.weather.stalled = True
    ends[1].write(b"ping")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ends[0].readexactly(4), 0.05)
    proxy.weather.stalled = False
    assert await asyncio.wait_for(ends[0].readexactly(4), 5) == b"ping"


async def test_a_half_open_connection_swallows_everything(proxy: Proxy, ends: Ends) -> None:
    """No byte and no end arrives, and nobody is told."""
    await seconds_for(ends, b"ping")
    proxy.weather.half_open = True
    ends[1].write(b"lost")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ends[0].read(1), 0.05)


async def test_a_cut_is_a_reset(proxy: Proxy, ends: Ends) -> None:
    """Not an end of file."""
    await seconds_for(ends, b"ping")
    await proxy.cut()
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(ends[0].read(1), 5)


async def test_an_end_of_file_passes(proxy: Proxy, ends: Ends) -> None:
    """Half-closing one end reaches the other, and its answer comes back."""
    await seconds_for(ends, b"ping")
    ends[1].write_eof()
    assert await asyncio.wait_for(ends[0].read(), 5) == b""
    assert proxy.connections == 1


async def test_a_refusing_proxy_resets_who_comes(proxy: Proxy) -> None:
    """At once, without a byte."""
    proxy.weather.refusing = True
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), 5)
    writer.close()


async def test_a_proxy_whose_server_is_away_closes_the_connection() -> None:
    """As a load balancer without servers does."""
    async with Proxy(free_port()) as nowhere:
        reader, writer = await asyncio.open_connection("127.0.0.1", nowhere.port)
        assert await asyncio.wait_for(reader.read(1), 5) == b""
        writer.close()
