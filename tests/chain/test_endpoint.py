from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from bridge.chain import open_source
from bridge.chain.endpoint import Busy, HttpEndpoint
from bridge.chain.source import RpcSource
from bridge.errors import Unavailable
from bridge.records.invoice_log import Head
from tests.chain.invoices import CONTRACT
from tests.nodes import ROOT, answering, results


def answer(**parts: Any) -> Callable[[dict[str, Any]], bytes]:
    """An answer of exactly these parts; ``id`` may be a function of the request's."""

    def reply(request: dict[str, Any]) -> bytes:
        body = {name: part(request["id"]) if callable(part) else part for name, part in parts.items()}
        return json.dumps(body).encode()

    return reply


def same(request_id: int) -> int:
    return request_id


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (lambda _: b"", "no JSON "),
        (lambda _: b"<html>502 Bad Gateway</html>", "no JSON "),
        (lambda _: b'{"jsonrpc": "2.0", "id": 1, "resu', "no JSON "),
        (lambda _: b"\xff\xfe\x80", "no JSON "),
        (lambda _: b"[]", "no JSON-RPC"),
        (lambda _: b"5", "no JSON-RPC"),
        (lambda _: b"null", "no JSON-RPC"),
        (answer(jsonrpc="2.0", id=lambda sent: sent + 1, result="0x1"), "another request"),
        (answer(jsonrpc="2.0", id=str, result="0x1"), "another request"),
        (answer(jsonrpc="2.0", id=None, result="0x1"), "another request"),
        (answer(jsonrpc="2.0", result="0x1"), "another request"),
        (answer(jsonrpc="2.0", id=same), "neither result nor error"),
        (answer(jsonrpc="2.0", id=same, result=None), "eth_chainId is None"),
        (answer(jsonrpc="2.0", id=same, result={}), "eth_chainId is {}"),
        (answer(jsonrpc="2.0", id=same, error={"code": -32005, "message": "quota"}), "refused eth_chainId: 'quota'"),
        (answer(jsonrpc="2.0", id=same, error={"code": -32005, "message": "quota"}, result="0x1"), "refused eth_chainId"),
        (answer(jsonrpc="2.0", id=None, error={"code": -32700, "message": "parse error"}), "refused eth_chainId"),
        (answer(jsonrpc="2.0", id=same, error="call rate limit exhausted"), "call rate limit exhausted"),
        (answer(jsonrpc="2.0", id=same, error={}), "refused eth_chainId"),
    ],
)
def test_rubbish_is_unavailable(reply: Callable[[dict[str, Any]], bytes], why: str) -> None:
    """Anything that is not the JSON-RPC answer to this very request is refused, with the node's host and what to do."""
    with answering(reply) as url:
        source = open_source(name="plant-1", chain_id=1, contract=CONTRACT, rpc=[url])
        with pytest.raises(Unavailable, match=why) as refusal:
            source.final_head()

        assert url.removeprefix("http://") in str(refusal.value)
        assert "try again, or set another rpc" in str(refusal.value)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_status_that_is_no_answer_is_unavailable(status: int) -> None:
    """An HTTP status of an error is no answer, even with a good body."""
    good = results({"eth_chainId": "0x1"})
    with answering(good, status=status) as url, pytest.raises(Unavailable, match=f"answered HTTP status {status}"):
        HttpEndpoint(url).make_request("eth_chainId", [])


def test_a_redirect_is_not_followed() -> None:
    """Who answers is who stands in bridge.toml: a node that points elsewhere gives no answer, and elsewhere is not asked."""
    seen: list[dict[str, Any]] = []

    def elsewhere(request: dict[str, Any]) -> bytes:
        seen.append(request)
        return results({"eth_chainId": "0x1"})(request)

    with answering(elsewhere) as target, answering(lambda _: b"moved", status=307, headers={"Location": target}) as url:
        endpoint = HttpEndpoint(url)
        with pytest.raises(Unavailable, match="no JSON"):
            endpoint.make_request("eth_chainId", [])

    assert seen == []


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_has_a_largest_size(packed: bool) -> None:
    """An answer of more than 64 MiB is cut off, also when it is a small gzip that unpacks to it."""
    body = b" " * (64 * 1024 * 1024 + 1)
    headers = {"Content-Encoding": "gzip"} if packed else {}
    sent = gzip.compress(body, 1) if packed else body
    with answering(lambda _: sent, headers=headers) as url, pytest.raises(Unavailable, match="more than 67108864 bytes"):
        HttpEndpoint(url).make_request("eth_getLogs", [{}])


def test_a_packed_answer_is_unpacked() -> None:
    """Nodes may send gzip; the answer is read all the same."""
    good = results({"eth_chainId": "0x1"})
    with answering(lambda request: gzip.compress(good(request)), headers={"Content-Encoding": "gzip"}) as url:
        assert HttpEndpoint(url).make_request("eth_chainId", [])["result"] == "0x1"


def test_a_failed_request_is_sent_once() -> None:
    """Nothing is retried silently: one question, one request."""
    seen: list[str] = []

    def reply(request: dict[str, Any]) -> bytes:
        seen.append(request["method"])
        return b"busy"

    with answering(reply, status=503) as url, pytest.raises(Unavailable, match="HTTP status 503"):
        HttpEndpoint(url).make_request("eth_getLogs", [{}])

    assert seen == ["eth_getLogs"]


def test_a_node_that_is_not_there_is_unavailable() -> None:
    """A refused connection says that the node could not be reached."""
    with socket.socket() as reserved:  # bound but not listening
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(Unavailable, match="could not be reached"):
            HttpEndpoint(url).make_request("eth_chainId", [])


def test_a_node_that_hangs_up_is_unavailable() -> None:
    """A connection closed in the middle of an answer is no answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"jsonrpc"')
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(Unavailable, match="could not be reached"):
            HttpEndpoint(f"http://127.0.0.1:{server.getsockname()[1]}").make_request("eth_chainId", [])
        thread.join()


@pytest.mark.parametrize(
    "reply",
    [
        lambda _: b"rubbish",
        answer(jsonrpc="2.0", id=same, error={"code": -32000, "message": "key s3cretkey9 of https://x/v2/s3cretkey9 is blocked"}),
        answer(jsonrpc="2.0", id=same, result="nothing"),
    ],
)
def test_no_message_shows_the_key_in_a_url(reply: Callable[[dict[str, Any]], bytes]) -> None:
    """User, password, path and query of an endpoint are secrets: messages show host and port, also where the node quotes them."""
    with answering(reply) as url:
        secret = url.replace("http://", "http://operator:pass-word@") + "/v2/s3cretkey9?token=t0kent0ken"
        source = open_source(name="plant-1", chain_id=1, contract=CONTRACT, rpc=[secret])
        with pytest.raises(Unavailable) as refusal:
            source.final_head()
    error: BaseException | None = refusal.value
    while error is not None:
        assert not [part for part in ("s3cretkey9", "pass-word", "t0kent0ken", "operator") if part in str(error)]
        error = error.__cause__


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment gets no request: who reads the chain is what bridge.toml says."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with answering(results({"eth_chainId": "0x1"})) as url:
        assert HttpEndpoint(url).make_request("eth_chainId", [])["result"] == "0x1"


def test_a_forked_worker_opens_its_own_connection() -> None:
    """T32: after a fork the child asks over a connection of its own, and both read their own answers."""
    code = """
import os, sys
from bridge.chain.endpoint import Busy, HttpEndpoint
from bridge.chain.source import RpcSource
endpoint = HttpEndpoint(sys.argv[1])
first = endpoint.make_request("eth_chainId", [])["result"]
if os.fork() == 0:
    os._exit(0 if endpoint.make_request("eth_chainId", [])["result"] != first else 1)
_, status = os.wait()
print(os.waitstatus_to_exitcode(status), endpoint.make_request("eth_chainId", [])["result"] == first)
"""
    ports: dict[int, str] = {}
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(connection: socket.socket, port: int) -> None:
            length = 0
            with connection, connection.makefile("rb") as received:
                while row := received.readline():
                    if row.lower().startswith(b"content-length:"):
                        length = int(row.split(b":")[1])
                    if row != b"\r\n":
                        continue
                    request = json.loads(received.read(length))
                    body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": ports[port]}).encode()
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

        def accept() -> None:
            for _ in range(2):
                connection, (_, port) = server.accept()
                ports[port] = hex(len(ports) + 1)
                threading.Thread(target=serve, args=(connection, port), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        run = subprocess.run(
            [sys.executable, "-c", code, url], cwd=ROOT, capture_output=True, text=True, check=True, env=os.environ
        )

    assert run.stdout.split() == ["0", "True"]


def test_values_of_python_are_read_like_hex() -> None:
    """An in-process chain answers with ints and bytes; they pass under the same checks as hex."""

    class InProcess:
        def make_request(self, method: str, params: list[Any], /) -> Any:
            block = {"number": 3, "hash": b"\xaa" * 32, "timestamp": 1_795_000_000}
            return {"id": "0", "result": {"eth_chainId": 1, "eth_getBlockByNumber": block}[method]}

    source = open_source(name="plant-1", chain_id=1, contract=CONTRACT, rpc=[InProcess()])

    assert source.final_head() == Head(number=3, hash=b"\xaa" * 32, timestamp=1_795_000_000)


def test_the_package_imports_without_web3() -> None:
    """``import bridge.chain`` loads neither web3 nor requests; they come with the first request."""
    code = "import sys, bridge.chain.source; print([name for name in ('web3', 'requests', 'eth_utils') if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"


BLOCKS = [("eth_getBlockByNumber", [hex(number), False]) for number in range(3)]


def batch(answers: Callable[[list[dict[str, Any]]], Any]) -> Callable[[Any], bytes]:
    """A reply to a whole message of requests."""
    return lambda requests: json.dumps(answers(requests)).encode()


def result(request: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": request["id"], "result": request["params"][0], **changed}


def test_many_requests_in_one_message() -> None:
    """The answers come back in the order of the requests, in whatever order the node gives them."""
    with answering(batch(lambda requests: [result(request) for request in reversed(requests)])) as url:
        endpoint = HttpEndpoint(url)
        assert [answer["result"] for answer in endpoint.make_batch_request(BLOCKS)] == ["0x0", "0x1", "0x2"]
        assert [answer["result"] for answer in endpoint.make_batch_request(BLOCKS[1:])] == ["0x1", "0x2"]


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (lambda requests: [result(request) for request in requests[1:]], "answered other requests"),
        (lambda requests: [result(request) for request in [*requests, requests[0]]], "answered other requests"),
        (lambda requests: [result(request, id=request["id"] + 1) for request in requests], "answered other requests"),
        (lambda requests: [result(request, id=str(request["id"])) for request in requests], "answered other requests"),
        (lambda _: [1, 2, 3], "answered other requests"),
        (lambda _: {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}, "takes no batch"),
        (lambda _: "yes", "takes no batch"),
    ],
)
def test_an_answer_to_other_requests_is_none(answers: Callable[[Any], Any], why: str) -> None:
    """T18: too few, too many, other ids, no list: nothing of it is used."""
    with answering(batch(answers)) as url, pytest.raises(Unavailable, match=why):
        HttpEndpoint(url).make_batch_request(BLOCKS)


def test_a_node_that_takes_no_batches_is_asked_one_by_one() -> None:
    """The first refusal is remembered; the same questions alone give the same answers."""
    messages: list[str] = []

    def reply(request: Any) -> bytes:
        messages.append("many" if isinstance(request, list) else request["method"])
        if isinstance(request, list):
            return json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}).encode()
        found = "0x1" if request["method"] == "eth_chainId" else {"number": request["params"][0]}
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": found}).encode()

    with answering(reply) as url:
        node = RpcSource("plant-1", url, 1, CONTRACT)
        for _ in range(2):
            assert [block["number"] for block in node.blocks(0, 2)] == ["0x0", "0x1", "0x2"]
    assert messages == ["eth_chainId", "many", *["eth_getBlockByNumber"] * 6]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_status_that_asks_for_patience(status: int) -> None:
    """T22: too many requests, and a server that is busy: told apart from one that is broken."""
    with answering(lambda _: b"", status=status) as url, pytest.raises(Busy, match=f"HTTP status {status}"):
        HttpEndpoint(url).make_request("eth_chainId", [])
    with answering(lambda _: b"", status=500) as url, pytest.raises(Unavailable) as refusal:
        HttpEndpoint(url).make_request("eth_chainId", [])
    assert not isinstance(refusal.value, Busy)
