"""One JSON-RPC endpoint over HTTP, read through web3.py's provider and none of its formatters.

What web3.py 8 does not do by itself and money needs: the answer's id must be the request's, an answer has a largest size and a
longest time, nothing is retried silently, a node that is busy is told from one that is broken, no redirect and no proxy of the
environment is followed, the connection is not shared with a forked child, and no message shows more of the URL than host and
port (paths and passwords of hosted nodes are secrets).
"""

from __future__ import annotations

import gc
import io
import itertools
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from bridge.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from requests import Response
    from web3 import HTTPProvider

CONNECT_SECONDS = 3.05
READ_SECONDS = 20  # between two pieces of an answer
ANSWER_SECONDS = 60  # from its first piece to its last
ANSWER_BYTES_MAX = 64 * 1024 * 1024
BUSY_STATUS = (429, 502, 503, 504)


class Provider(Protocol):
    """Whatever answers JSON-RPC: an HttpEndpoint, or an in-process chain."""

    def make_request(self, method: Any, params: Any, /) -> Any:
        """Send one request; give back the whole answer, a mapping with ``result`` or ``error``."""


class Busy(Unavailable):
    """The node asks for patience: it has too much to do, or this caller has asked too much of it."""


class HttpEndpoint:
    """A node's URL as a Provider. Raises Unavailable for everything that is not a JSON-RPC answer to this very request."""

    def __init__(self, url: str) -> None:
        self.host = host_of(url)
        self._url = url
        self._secrets = _secrets(url)
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._provider: HTTPProvider | None = None
        self._pid = 0

    def make_request(self, method: str, params: list[Any], /) -> Mapping[str, Any]:
        with self._lock:
            provider = self._own_provider()
            wanted = next(self._ids)
            provider.request_counter = itertools.count(wanted)
            answer = self._sent(lambda: provider.make_request(method, params), method)
        if not isinstance(answer, Mapping):
            raise self.unavailable(method, "answered something that is no JSON-RPC")
        # A request refused before it was parsed is answered with id null (JSON-RPC 2.0, section 5); then there must be an error.
        if answer.get("id") != wanted and not (answer.get("id") is None and answer.get("error")):
            raise self.unavailable(method, "answered another request (its JSON-RPC id differs)")
        return answer

    def make_batch_request(self, requests: Sequence[tuple[str, list[Any]]], /) -> list[Mapping[str, Any]]:
        """Send these requests as one; give back the answers in their order. A node that takes no batches raises Unavailable."""
        method = f"{len(requests)} times {requests[0][0]}"
        with self._lock:
            provider = self._own_provider()
            first = next(self._ids)
            wanted = [first, *(next(self._ids) for _ in requests[1:])]
            provider.request_counter = itertools.count(first)
            answers = self._sent(lambda: _batch(provider, requests), method)
        if not isinstance(answers, list):  # JSON-RPC 2.0, section 6: an answer that is no list refuses the batch as a whole
            raise self.unavailable(method, "takes no batch of requests")
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, Mapping)}
        if len(answers) != len(wanted) or by_id.keys() != set(wanted):
            raise self.unavailable(method, "answered other requests (its JSON-RPC ids differ)")
        return [by_id[one] for one in wanted]

    def unavailable(self, method: str, what: str) -> Unavailable:
        return Unavailable(f"the node at {self.host} {what} (asked for {method}); try again, or set another rpc in bridge.toml")

    def masked(self, text: str) -> str:
        """The text without any part of the URL that may be a key."""
        for secret in self._secrets:
            text = text.replace(secret, "...")
        return text

    def _own_provider(self) -> HTTPProvider:
        """This process's connection: a forked worker that shares its parent's socket reads its answers."""
        if self._provider is None or self._pid != os.getpid():
            from requests import Session
            from web3 import HTTPProvider

            _freeze_once()
            session = Session()
            session.trust_env = False
            session.hooks["response"].append(_bounded)
            timeouts = {"timeout": (CONNECT_SECONDS, READ_SECONDS), "allow_redirects": False}
            self._provider = HTTPProvider(self._url, timeouts, session, exception_retry_configuration=None)
            self._pid = os.getpid()
        return self._provider

    def _sent(self, send: Callable[[], object], method: str) -> object:
        from requests import HTTPError, RequestException, Timeout

        # "from None" below: the library's exceptions quote the whole URL.
        try:
            return send()
        except _AnswerTooLong:
            raise self.unavailable(
                method, f"sent more than {ANSWER_BYTES_MAX} bytes or took longer than {ANSWER_SECONDS} seconds"
            ) from None
        except Timeout:
            raise self.unavailable(method, f"did not answer within {READ_SECONDS} seconds") from None
        except HTTPError as error:
            status = 0 if error.response is None else error.response.status_code
            said = self.unavailable(method, f"answered HTTP status {status}" if status else "answered an error")
            if status in BUSY_STATUS:
                raise Busy(str(said)) from None
            raise said from None
        except RequestException as error:
            raise self.unavailable(method, f"could not be reached ({type(error).__name__})") from None
        except (ValueError, RecursionError):  # no UTF-8, or no JSON
            raise self.unavailable(method, "answered something that is no JSON") from None


@cache
def _freeze_once() -> None:
    """The import of web3 made 80,000 objects that stay: no collection need look at them again.

    Once a process, with the garbage collected first: what is frozen is never collected any more.
    """
    gc.collect()
    gc.freeze()


def _batch(provider: HTTPProvider, requests: Sequence[tuple[Any, list[Any]]]) -> object:
    """web3's own batch sorts the answers by their ids before anybody has looked at these, so only its parts are used."""
    body = provider.encode_batch_rpc_request(list(requests))
    return provider.decode_rpc_response(provider._make_request(requests[0][0], body))  # noqa: SLF001 - see above


class _AnswerTooLong(Exception):
    """An answer passed its largest size or longest time."""


def _bounded(response: Response, *_: Any, **__: Any) -> Response:
    """The same response with its body read and unpacked piece by piece, so that no answer can fill memory or drip for ever."""
    from requests import Response

    body = io.BytesIO()
    deadline = time.monotonic() + ANSWER_SECONDS
    for piece in response.iter_content(65536):
        body.write(piece)
        if body.tell() > ANSWER_BYTES_MAX or time.monotonic() > deadline:
            response.close()
            raise _AnswerTooLong
    body.seek(0)
    read = Response()
    read.status_code, read.reason, read.url, read.headers = response.status_code, response.reason, response.url, response.headers
    read.request, read.encoding, read.raw = response.request, response.encoding, body
    return read


def host_of(url: str) -> str:
    """Host and port of a URL, fit for a message. Raises ConfigError for anything that is no http or https address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or not url.startswith(("http://", "https://")):
        raise ConfigError("an rpc address in bridge.toml is no http:// or https:// address; correct it")
    return host if port is None else f"{host}:{port}"


def _secrets(url: str) -> list[str]:
    parts = urlsplit(url)
    pieces = [parts.username, parts.password, parts.query, *parts.path.split("/"), *parts.query.replace("=", "&").split("&")]
    return sorted({piece for piece in pieces if piece and len(piece) > 5}, key=len, reverse=True)
