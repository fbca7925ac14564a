"""The contract on a real node, and a place that reads it and writes outcomes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from bridge.model import Attestation
from bridge.sim import chain, machines
from bridge.sim.chain import ask
from bridge.steps import attest
from tests.steps.contract import OWN, Contract
from tests.steps.place import Place, mandate_line

BILLED = machines.usage("attest", until=date(2026, 11, 17), count=6)
KEY = "0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"  # of anvil's last account, known to everybody
ACCOUNT = "0xa0ee7a142d267c1f36714e4a8f75612f20a79720"
ATTESTED = keccak(b"SettlementAttested(bytes32,uint8,bytes32)")
SOURCE = """\
[[sources]]
name = "plant-1"
creditor = "DE98ZZZ09999999999"
chain_id = 31337
contract = "{contract}"
rpc = ["{url}"]
hold_minutes = 0
finality_alarm_minutes = 0
[sources.attest]
key = "attest.key"
"""


class OnAnvil(Contract):
    """The contract on a real node, and a place that reads it and writes outcomes back. Two invoices, each with a mandate."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url, self.node = url, chain.node(url)
        self.compiled = chain.artefact()
        self.address = chain.deploy(self.node, self.compiled, settlement=ACCOUNT)
        self.ids = chain.bill(self.node, self.compiled, self.address, BILLED[:2])
        self.make_final()
        self.place = Place(folder, collection=OWN, sources=0)
        (folder / "attest.key").write_text(KEY)
        (folder / "attest.key").chmod(0o600)
        self.place.rewrite("[collection]", SOURCE.format(contract=self.address, url=url) + "[collection]")
        refs = {invoice.debtor_ref for invoice in BILLED[:2]}
        self.place.mandates(*(mandate_line(n, debtor_ref="0x" + ref.hex()) for n, ref in enumerate(sorted(refs), 1)))

    def make_final(self, blocks: int = 3) -> None:
        ask(self.node, "anvil_mine", [hex(blocks)])

    def automine(self, *, on: bool) -> None:
        ask(self.node, "evm_setAutomine", [on])

    def collected(self, plan: dict[str, str] | None = None) -> None:
        """Both invoices go to the bank, which answers as planned."""
        self.run("ingest", "collect", "batch", "handover")
        self.bank(plan)

    def stuck(self) -> None:
        """The outcomes of both invoices are broadcast, and no block takes them."""
        self.collected()
        self.automine(on=False)
        self.write()

    def write(self) -> dict[str, int]:
        return attest.run(self.place.runtime)

    def read(self) -> None:
        """Let what was broadcast come into blocks and become final, and read it."""
        until(lambda: ask(self.node, "txpool_status", [])["pending"] == "0x0", "a call is still in the pool")
        self.make_final()
        self.run("ingest")

    def states(self) -> list[tuple[str, str]]:
        return [(row.outcome, row.state) for row in self.place.rows(Attestation)]

    def hashes(self) -> list[bytes | None]:
        return [row.tx_hash for row in self.place.rows(Attestation)]

    def on_chain(self) -> list[tuple[int, int, bytes]]:
        """Invoice, outcome and hash of every SettlementAttested on the chain, in order."""
        wanted = {"address": self.address, "fromBlock": "0x0", "topics": ["0x" + ATTESTED.hex()]}
        logs = ask(self.node, "eth_getLogs", [wanted])
        found = [(bytes.fromhex(log["topics"][1][2:]), bytes.fromhex(log["data"][2:])) for log in logs]
        return [(self.ids.index(invoice) + 1, data[31], data[32:]) for invoice, data in found]

    def price(self, gwei: int) -> None:
        """What gas costs from the next block on."""
        ask(self.node, "anvil_setNextBlockBaseFeePerGas", [hex(gwei * 10**9)])
        ask(self.node, "evm_mine", [])

    def killed_at(self, point: str) -> None:
        """A run that ends at this point."""

        def stop(here: str) -> None:
            if here == point:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            attest.run(replace(self.place.runtime, fault=stop))

    def nonces(self) -> int:
        return int(ask(self.node, "eth_getTransactionCount", [ACCOUNT, "latest"]), 16)

    def wait_mined(self, calls: int) -> None:
        """Until so many calls of the account are in blocks: anvil answers before it mined."""
        until(lambda: self.nonces() >= calls, f"not all of {calls} calls were mined")

    def wait(self, minutes: int) -> None:
        self.place.now += timedelta(minutes=minutes)


def until(done: Callable[[], bool], otherwise: str) -> None:
    """Wait for a node, which answers before it has done what it was asked for."""
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)
