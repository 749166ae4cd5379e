"""Addresses of pods, and what becomes of one that does not answer as it should."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mqtt_kafka_cli.pods import ask, ask_all, url
from tests.support.ports import free_port


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("http://plant-0:8080", "http://plant-0:8080"),
        ("plant-0:8080", "http://plant-0:8080"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
        ("http://plant-0:8080/status", "http://plant-0:8080"),
        ("http://proxy/plant/status/?a=b", "http://proxy/plant"),
    ],
)
def test_an_address_may_be_written_in_several_ways(given: str, asked: str) -> None:
    assert url(given) == asked


@pytest.mark.parametrize("given", ["", "mqtt://plant-0", "http://", "plant-0:port", "h:99999"])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        url(given)


@contextmanager
def answering(code: int, body: bytes) -> Iterator[str]:
    """Serve one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        (404, b"", "answers 404 to /status"),
        (200, b"hello", "the whole: Invalid JSON"),
        (200, b'{"version": 2}', "version: Input should be 1"),
    ],
)
def test_another_answer_than_a_bridges_is_told_with_a_cure(
    code: int, body: bytes, words: str
) -> None:
    with answering(code, body) as address:
        answer = ask(address)
    assert answer.status is None
    assert not answer.ready
    assert words in (answer.failure or "")
    assert answer.cure


def test_an_address_where_nothing_listens_is_told_with_a_cure() -> None:
    addresses = [f"http://127.0.0.1:{free_port()}", "http://no-such-host.invalid"]
    refused, unknown = ask_all(addresses)
    assert (refused.url, unknown.url) == tuple(addresses)
    assert refused.failure == "can't be reached: nothing listens on this port"
    assert "can't be resolved" in (unknown.failure or "")
    assert refused.cure == unknown.cure != ""
