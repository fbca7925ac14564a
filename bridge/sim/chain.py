"""A chain for the demo, training and tests: in this process (eth-tester), or any node that signs for its own accounts (anvil).

Knows the contract by its artefact (ABI and bytecode) alone and nothing of bridge.chain: who reads logs must not write them too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from eth_hash.auto import keccak

from bridge.errors import BadInput, ConfigError, Unavailable
from bridge.sim import device
from bridge.sim.device import Domain
from bridge.sim.machines import MachineInvoice

_INVOICE_FINALIZED = keccak(
    b"InvoiceFinalized(bytes32,bytes32,bytes32,uint64,uint128,bytes3,uint64,uint64,uint64,bytes32,bytes32)"
)
ARTEFACT = "contracts/UsageInvoices.json"
DEPLOY_GAS = 5_000_000
CALL_GAS = 500_000
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


def deploy(provider: Provider, compiled: Mapping[str, Any], *, payee: str | None = None, settlement: str | None = None) -> str:
    """Deploy the contract; return its address in lower case.

    The node's first account has every role, and is where tokens are paid to; ``settlement`` writes outcomes back in its stead.
    """
    from eth_abi.abi import encode

    sender = _sender(provider)
    arguments = encode(["address"] * 6, [sender] * 3 + [settlement or sender, sender, payee or sender])
    return create(provider, compiled["bytecode"] + arguments.hex())


def create(provider: Provider, code: str) -> str:
    """Deploy a contract from its code and encoded arguments, in hex; return its address in lower case."""
    sent = ask(provider, "eth_sendTransaction", [{"from": _sender(provider), "data": code, "gas": hex(DEPLOY_GAS)}])
    address: str = _receipt(provider, sent)["contractAddress"]
    return address.lower()


def bill(provider: Provider, compiled: Mapping[str, Any], contract: str, invoices: Sequence[MachineInvoice]) -> list[bytes]:
    """Let the machines sign and close their periods in this order, on a chain that mines by itself; return the invoice ids.

    A machine that the contract does not know yet is registered, and its agreement opened, with the first of its invoices.
    Raises BadInput where the contract refuses (its period is not the open one, a reading is not the next one).
    """
    chain_id = _int(ask(provider, "eth_chainId", []))
    found = []
    for invoice in invoices:
        receipts = [call(provider, contract, data) for data in calls(compiled, Domain(chain_id, contract), invoice)]
        found.append(_invoice_id(receipts[-1]))
    return found


def calls(compiled: Mapping[str, Any], domain: Domain, invoice: MachineInvoice) -> Iterator[str]:
    """The call data in hex that lead to one invoice: the last one closes its period."""
    tariff = (invoice.tariff.base_fee, invoice.tariff.unit_price, invoice.tariff.cap)
    if invoice.period == 0:
        key = device.address(invoice.device_key)
        yield encoded(compiled, "registerDevice", [invoice.device_id, key, invoice.counter_start])
        opened = [invoice.agreement_id, invoice.device_id, invoice.debtor_ref, invoice.period_start, tariff]
        yield encoded(compiled, "openAgreement", opened)
    first, last, root = invoice.readings[0], invoice.readings[-1], invoice.usage_root
    signature = device.signed_batch(invoice.device_key, domain, invoice.readings, root)
    batch = [invoice.device_id, first.seq, last.seq, last.read_at, last.counter, root, signature]
    yield encoded(compiled, "submitBatch", batch)
    closed = [invoice.agreement_id, invoice.period_end, invoice.due_date, invoice.document_hash]
    yield encoded(compiled, "closePeriod", closed)


def cancel(provider: Provider, compiled: Mapping[str, Any], contract: str, invoice_id: bytes, reason: bytes) -> None:
    """Take an invoice back on chain; ``reason`` is 32 opaque bytes."""
    call(provider, contract, encoded(compiled, "cancelInvoice", [invoice_id, reason]))


def call(provider: Provider, contract: str, data: str, *, sender: str | None = None) -> Mapping[str, Any]:
    """Send one call from an account of the node (its first) and give back the receipt. Raises BadInput where it is refused."""
    return _receipt(provider, _send(provider, sender or _sender(provider), contract, data))


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

    @property
    def domain(self) -> Domain:
        """What a machine's signature names, so that it is worth nothing on another chain or contract."""
        return Domain(self.chain_id, self.contract)

    def bill(self, invoices: Sequence[MachineInvoice]) -> list[bytes]:
        """``bill``, one call to a block."""
        found: list[bytes] = []
        for invoice in invoices:
            receipts = [self.call(data) for data in calls(self._compiled, self.domain, invoice)]
            found.append(_invoice_id(receipts[-1]))
        return found

    def call(self, data: str, *, sender: str | None = None, to: str | None = None) -> Mapping[str, Any]:
        """Send one call in a block of its own, to the contract unless ``to`` says otherwise; give back the receipt."""
        self._stamp()
        return call(self.provider, to or self.contract, data, sender=sender)

    def create(self, code: str) -> str:
        """Deploy another contract in a block of its own; return its address in lower case."""
        self._stamp()
        return create(self.provider, code)

    def cancel(self, invoice_id: bytes, reason: bytes) -> None:
        """Take an invoice back on chain; ``reason`` is 32 opaque bytes."""
        self.call(encoded(self._compiled, "cancelInvoice", [invoice_id, reason]))

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
        raise BadInput("the contract refused the call; its errors are named in contracts/UsageInvoices.sol")
    found: Mapping[str, Any] = receipt
    return found


def _int(value: str | int) -> int:
    return int(value, 16) if isinstance(value, str) else value


def _invoice_id(receipt: Mapping[str, Any]) -> bytes:
    """The id in the InvoiceFinalized of a period that was closed. Raises BadInput where it was closed without an invoice."""
    for entry in receipt["logs"]:
        topics = [bytes.fromhex(one.removeprefix("0x")) if isinstance(one, str) else bytes(one) for one in entry["topics"]]
        if topics[0] == _INVOICE_FINALIZED:
            return topics[1]
    raise BadInput("the period was closed without an invoice: nothing was used, and there is no base fee")


def encoded(compiled: Mapping[str, Any], function: str, arguments: list[Any]) -> str:
    """The call data of a function of the contract, in hex."""
    from eth_abi.abi import encode

    entry = next(entry for entry in compiled["abi"] if entry["type"] == "function" and entry["name"] == function)
    types = [_type(argument) for argument in entry["inputs"]]
    selector = keccak(f"{function}({','.join(types)})".encode())[:4]
    return "0x" + (selector + encode(types, arguments)).hex()


def _type(argument: Mapping[str, Any]) -> str:
    kind: str = argument["type"]
    if kind != "tuple":
        return kind
    return f"({','.join(_type(part) for part in argument['components'])})"
