"""A chain for the demo, training and tests: in this process (eth-tester), or any node that signs for its own accounts (anvil).

Knows the contract by its artefact (ABI and bytecode) alone and nothing of bridge.chain: who reads logs must not write them too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from bridge.errors import BadInput, ConfigError, Unavailable
from bridge.sim.machines import MachineInvoice

ARTEFACT = "contracts/UsageInvoices.json"
DEPLOY_GAS = 3_000_000
CALL_GAS = 300_000
RECEIPT_SECONDS = 20
BLOCK_SECONDS = 12


class Provider(Protocol):
    """Whatever answers JSON-RPC, like web3.py's providers."""

    def make_request(self, method: Any, params: Any, /) -> Any:
        """Send one request; give back the whole answer, a mapping with ``result`` or ``error``."""


def artefact(path: Path | None = None) -> dict[str, Any]:
    """The compiled contract: the file given, else the one that came with this installation. Raises ConfigError without it."""
    if path is None:
        from bridge import resources

        path = resources.path(ARTEFACT)
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"the compiled contract {path} cannot be read ({error}); run: python contracts/build.py") from error
    return found


def node(url: str) -> Provider:
    """A node that signs for its own accounts, by its URL (anvil, a development node)."""
    from web3 import HTTPProvider

    return HTTPProvider(url)


def deploy(provider: Provider, compiled: Mapping[str, Any]) -> str:
    """Deploy the contract from the node's first account, which becomes its owner; return its address in lower case."""
    creation = {"from": _sender(provider), "data": compiled["bytecode"], "gas": hex(DEPLOY_GAS)}
    sent = ask(provider, "eth_sendTransaction", [creation])
    address: str = _receipt(provider, sent)["contractAddress"]
    return address.lower()


def finalize(provider: Provider, compiled: Mapping[str, Any], contract: str, invoices: Sequence[MachineInvoice]) -> list[bytes]:
    """Finalize the invoices in this order and return their invoice ids, on a chain that mines by itself.

    Raises BadInput where the contract refuses one (its agreement and period were billed before, its amount is 0).
    """
    sender = _sender(provider)
    sent = [_send(provider, sender, contract, finalize_call(compiled, invoice)) for invoice in invoices]
    return [_invoice_id(_receipt(provider, each)) for each in sent]


def cancel(provider: Provider, compiled: Mapping[str, Any], contract: str, invoice_id: bytes, reason: bytes) -> None:
    """Take an invoice back on chain; ``reason`` is 32 opaque bytes."""
    _receipt(provider, _send(provider, _sender(provider), contract, _encoded(compiled, "cancelInvoice", [invoice_id, reason])))


def finalize_call(compiled: Mapping[str, Any], invoice: MachineInvoice) -> str:
    """The call data of ``finalizeInvoice`` for one invoice, in hex."""
    arguments = [
        invoice.debtor_ref,
        invoice.agreement_id,
        invoice.period,
        invoice.amount_cents,
        invoice.period_start,
        invoice.period_end,
        invoice.due_date,
        invoice.usage_root,
        invoice.document_hash,
    ]
    return _encoded(compiled, "finalizeInvoice", arguments)


def ask(provider: Provider, method: str, params: list[Any]) -> Any:
    """The result of one request. Raises Unavailable for an error of the node."""
    answer = provider.make_request(method, params)
    if answer.get("error"):
        error = answer["error"]
        message = error.get("message") if isinstance(error, Mapping) else error
        raise Unavailable(f"the development chain refused {method}: {message}")
    return answer["result"]


class DemoChain:
    """An EVM chain inside this process with the contract on it. Gone with the object; needs the ``demo`` extra.

    ``started_at`` (unix seconds) is the time of its first blocks, a block following every twelve seconds; without it, blocks
    are of now. Every block is final at once. Block hashes differ from run to run (each block carries a random number).
    Raises ConfigError without eth-tester and py-evm.
    """

    def __init__(self, *, started_at: int | None = None, compiled: Mapping[str, Any] | None = None) -> None:
        self._compiled = artefact() if compiled is None else compiled
        self._evm, self.provider = _in_process(started_at)
        self._next_at = None if started_at is None else started_at + BLOCK_SECONDS
        self.chain_id = _int(ask(self.provider, "eth_chainId", []))
        self._stamp()
        self.contract = deploy(self.provider, self._compiled)

    def finalize(self, invoices: Sequence[MachineInvoice]) -> list[bytes]:
        """Finalize the invoices in this order, one to a block; return their invoice ids. Raises BadInput like ``finalize``."""
        found: list[bytes] = []
        for invoice in invoices:
            self._stamp()
            found += finalize(self.provider, self._compiled, self.contract, [invoice])
        return found

    def cancel(self, invoice_id: bytes, reason: bytes) -> None:
        """Take an invoice back on chain; ``reason`` is 32 opaque bytes."""
        self._stamp()
        cancel(self.provider, self._compiled, self.contract, invoice_id, reason)

    def wait_until(self, timestamp: int) -> None:
        """Let the next block be of this time (unix seconds), and the later ones follow it. Time never goes back: ValueError."""
        last = _int(ask(self.provider, "eth_getBlockByNumber", ["latest", False])["timestamp"])
        if timestamp <= last:
            raise ValueError(f"the last block is of {last}; the next cannot be of {timestamp}")
        self._next_at = timestamp

    def _stamp(self) -> None:
        """Give the block that is being built its time; the EVM's own default is the computer's clock."""
        if self._next_at is not None:
            self._evm.set_header_timestamp(self._next_at)
            self._next_at += BLOCK_SECONDS

    def source(self, name: str) -> dict[str, Any]:
        """The keyword arguments with which ``bridge.chain.open_source`` reads this chain."""
        return {
            "name": name,
            "chain_id": self.chain_id,
            "contract": self.contract,
            "rpc": [self.provider],
            "finality": "finalized",
        }


class _InProcess:
    """eth-tester behind web3.py's own translation: names and hex as a node gives them, refusals as JSON-RPC errors."""

    def __init__(self, tester: Any) -> None:
        from web3 import EthereumTesterProvider, Web3

        provider = EthereumTesterProvider(tester)
        web3 = Web3(provider, middleware=[])
        self._request = provider.request_func(web3, web3.middleware_onion)

    def make_request(self, method: Any, params: Any, /) -> Any:
        from eth_tester.exceptions import TransactionFailed

        try:
            return self._request(method, params)
        except TransactionFailed as error:
            return {"jsonrpc": "2.0", "id": None, "error": {"code": 3, "message": str(error)}}


def _in_process(started_at: int | None) -> tuple[Any, Provider]:
    missing = ConfigError("the demo chain is not installed; run: pip install 'sdd-bridge[demo]'")
    try:
        from eth_tester import EthereumTester, PyEVMBackend
        from eth_tester.exceptions import BackendDistributionNotFound
    except ImportError as error:
        raise missing from error
    try:
        overrides = {} if started_at is None else {"timestamp": started_at}
        backend = PyEVMBackend(genesis_parameters=PyEVMBackend.generate_genesis_params(overrides))
    except (ImportError, BackendDistributionNotFound) as error:  # eth-tester without py-evm below it
        raise missing from error
    return backend.chain, _InProcess(EthereumTester(backend))


def _sender(provider: Provider) -> str:
    accounts = ask(provider, "eth_accounts", [])
    if not accounts:
        raise ConfigError("the development chain signs for no account of its own; use anvil or another development node")
    first: str = accounts[0]
    return first


def _send(provider: Provider, sender: str, contract: str, data: str) -> Any:
    return ask(provider, "eth_sendTransaction", [{"from": sender, "to": contract, "data": data, "gas": hex(CALL_GAS)}])


def _receipt(provider: Provider, sent: Any) -> Mapping[str, Any]:
    """The receipt, once the node has it: anvil answers eth_sendTransaction before it mined."""
    deadline = time.monotonic() + RECEIPT_SECONDS
    while (receipt := ask(provider, "eth_getTransactionReceipt", [sent])) is None:
        if time.monotonic() > deadline:
            raise Unavailable(f"the development chain mined nothing for {RECEIPT_SECONDS} seconds; does it mine by itself?")
        time.sleep(0.02)
    if _int(receipt["status"]) != 1:
        raise BadInput("the contract refused the call: billed before, an amount of 0, or not its owner")
    found: Mapping[str, Any] = receipt
    return found


def _int(value: str | int) -> int:
    return int(value, 16) if isinstance(value, str) else value


def _invoice_id(receipt: Mapping[str, Any]) -> bytes:
    """finalizeInvoice emits one log, and its first argument is the id."""
    topic = receipt["logs"][0]["topics"][1]
    return bytes.fromhex(topic.removeprefix("0x")) if isinstance(topic, str) else bytes(topic)


def _encoded(compiled: Mapping[str, Any], function: str, arguments: list[Any]) -> str:
    from eth_abi.abi import encode
    from eth_hash.auto import keccak

    entry = next(entry for entry in compiled["abi"] if entry["type"] == "function" and entry["name"] == function)
    types = [argument["type"] for argument in entry["inputs"]]
    selector = keccak(f"{function}({','.join(types)})".encode())[:4]
    return "0x" + (selector + encode(types, arguments)).hex()
