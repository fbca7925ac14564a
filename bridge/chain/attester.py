"""Writing an outcome back: the account that may call ``attest`` and nothing else, its nonces, fees and signed calls.

What the nodes say here moves no money: a node that lies can make us wait, or write the same outcome again, which the contract
takes as no change. That an outcome is on the chain is believed when its log was read, final and proven, like any other log.
A call is signed by EIP-155 for one chain id, with ``gasPrice`` (every EVM chain takes it, those without a base fee too).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bridge.chain import wire
from bridge.chain.hashing import keccak
from bridge.chain.source import REVERTED, Refused, RpcSource
from bridge.errors import ConfigError, Unavailable
from bridge.records.invoice_log import OUTCOMES

ATTEST_CALL = keccak(b"attest(bytes32,uint8,bytes32)")[:4]
INVOICES_CALL = keccak(b"invoices(bytes32)")[:4]
WORD = 32
T = TypeVar("T")


class NotAccepted(Exception):
    """The contract would refuse the call, or no node takes it; the text is for people."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed call: its bytes as they are broadcast, and their keccak. ``fee_wei`` is the price of one gas."""

    nonce: int
    fee_wei: int
    raw: bytes
    tx_hash: bytes


def evidence_hash(salt: bytes, statement: bytes) -> bytes:
    """The 32 bytes that are written: nobody guesses the statement without the salt."""
    return keccak(salt + statement)


class Attester:
    """The signing account and the nodes it speaks through.

    Raises ConfigError for a key that is none or nodes of another chain, Unavailable where no node answers.
    """

    def __init__(self, nodes: Sequence[RpcSource], *, contract: str, key: str) -> None:
        from eth_account import Account

        try:
            self._account = Account.from_key(key)
        except Exception:  # noqa: BLE001 - of many kinds, and their texts quote the key
            raise ConfigError("the key that outcomes are signed with is none: 32 bytes in hex are one") from None
        self._nodes = nodes
        self._contract = contract.lower()
        self.address: str = self._account.address.lower()

    def salt(self, statement: bytes) -> bytes:
        """The same for the same statement and key, unknown to anybody else: after a restore the same hash is written."""
        return keccak(keccak(self._account.key) + statement)

    def mined(self) -> int:
        """How many calls of this account are in blocks: the nonce of the next."""
        return self._any_of(lambda node: wire.quantity(node.ask("eth_getTransactionCount", [self.address, "latest"]), "nonce"))

    def fee_wei(self) -> int:
        """The price of one gas that the node thinks will do, and a quarter more."""
        found = self._any_of(lambda node: wire.quantity(node.ask("eth_gasPrice", []), "eth_gasPrice"))
        return found + found // 4

    def is_written(self, claim_id: str, outcome: str, evidence: bytes) -> bool:
        """Whether the contract says just this of the invoice, in its newest block."""
        data = "0x" + (INVOICES_CALL + bytes.fromhex(claim_id.removeprefix("0x"))).hex()
        asked = {"to": self._contract, "data": data}
        said = self._any_of(lambda node: wire.blob(node.ask("eth_call", [asked, "latest"]), "the answer to eth_call"))
        return said[WORD : 2 * WORD] + said[3 * WORD :] == OUTCOMES[outcome].to_bytes(WORD, "big") + evidence

    def worked(self, tx_hashes: Sequence[bytes]) -> set[bytes]:
        """Those of these very calls that are in a block, and did what they say."""
        found = self._any_of(lambda node: node.receipts_of_calls(["0x" + one.hex() for one in tx_hashes]))
        pairs = zip(tx_hashes, found, strict=True)
        return {one for one, receipt in pairs if isinstance(receipt, dict) and receipt.get("status") == "0x1"}

    def signed(self, claim_id: str, outcome: str, evidence: bytes, *, nonce: int, fee_wei: int) -> Signed:
        """Sign the call. Raises NotAccepted where the contract would refuse it: no role, or no such invoice."""
        arguments = bytes.fromhex(claim_id.removeprefix("0x")) + OUTCOMES[outcome].to_bytes(WORD, "big") + evidence
        data = "0x" + (ATTEST_CALL + arguments).hex()
        call = {"from": self.address, "to": self._contract, "data": data}
        try:  # at the newest block: in the pending one the same call, sent for less, has been made, and its repeat costs little
            gas = self._any_of(lambda node: wire.quantity(node.ask("eth_estimateGas", [call, "latest"]), "eth_estimateGas"))
        except Refused as refusal:
            if refusal.code == REVERTED:
                raise NotAccepted(str(refusal)) from refusal
            raise
        from eth_utils.address import to_checksum_address

        fields: dict[str, Any] = {"nonce": nonce, "gasPrice": fee_wei, "gas": gas + gas // 4, "value": 0, "data": data}
        fields |= {"to": to_checksum_address(self._contract), "chainId": self._nodes[0].chain_id}
        signed = self._account.sign_transaction(fields)
        return Signed(nonce, fee_wei, bytes(signed.raw_transaction), bytes(signed.hash))

    def broadcast(self, raw: bytes, tx_hash: bytes) -> None:
        """Give the call to one node after the other until one has it; else raises NotAccepted with the words of the last."""
        said = ""
        for node in self._nodes:
            try:
                node.ask("eth_sendRawTransaction", ["0x" + raw.hex()])
            except Unavailable as refusal:  # among them: it has it already, which each client says in words of its own
                said = str(refusal)
                if self._knows(node, tx_hash):
                    return
            else:
                return
        raise NotAccepted(said)

    def _knows(self, node: RpcSource, tx_hash: bytes) -> bool:
        try:
            return node.ask("eth_getTransactionByHash", ["0x" + tx_hash.hex()]) is not None
        except Unavailable:
            return False

    def _any_of(self, ask: Callable[[RpcSource], T]) -> T:
        """The answer of the first node that gives one; a contract that refuses is an answer."""
        silent: list[str] = []
        for node in self._nodes:
            try:
                return ask(node)
            except Refused as refusal:
                if refusal.code == REVERTED:
                    raise
                silent.append(str(refusal))
            except Unavailable as problem:
                silent.append(str(problem))
            except ValueError as problem:
                silent.append(str(node.inconsistent(str(problem))))
        raise Unavailable("; ".join(silent))
