"""A customer's own contract goes the whole way: its event is described in bridge.toml, and nobody programmed anything."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from bridge.chain import open_source
from bridge.cli.doctor import _trust
from bridge.errors import ConfigError
from bridge.model import Break, Cursor, Invoice
from bridge.settings import SourceSettings
from bridge.sim.fake_chain import FakeChain, FakeLog, FakeNode, administration
from bridge.steps.ingest import replay
from tests.steps.contract import DUE, OWN, Contract
from tests.steps.place import CHAIN_ID, CONTRACT, Place, mandate_line

TOPIC = keccak(b"Billed(uint256,address,uint256,string,uint64)")
DEBTOR = bytes(12) + b"\xab" * 20
SOURCE = f"""\
[[sources]]
name = "plant-1"
creditor = "DE98ZZZ09999999999"
chain_id = {CHAIN_ID}
contract = "{CONTRACT}"
rpc = ["http://a", "http://b"]
hold_minutes = 0
finality_alarm_minutes = 0
[sources.mapping]
event = "event Billed(uint256 indexed no, address indexed customer, uint256 amount, string note, uint64 due)"
invoice_id = "no"
number = "no"
debtor_ref = "customer"
amount = "amount"
decimals = 18
due_date = "due"
"""


def billed(number: int, *, units: int = 119 * 10**18, note: bytes = b"") -> FakeLog:
    data = encode(["uint256", "bytes", "uint64"], [units, note, DUE])
    return FakeLog((TOPIC, number.to_bytes(32, "big"), DEBTOR), data, CONTRACT)


class OwnContract(Contract):
    """A place that reads another contract than ours."""

    def __init__(self, folder: Path) -> None:
        self.chain = FakeChain(chain_id=CHAIN_ID, contract=CONTRACT)
        self.nodes = FakeNode(self.chain, host="a"), FakeNode(self.chain, host="b")
        self.place = Place(folder, collection=OWN, sources=0)
        self.place.rewrite("[collection]", SOURCE + "[collection]")
        self.place.open(source=partial(opened, self.nodes))
        self.place.mandates(mandate_line(1, debtor_ref="0x" + DEBTOR.hex()))

    @property
    def settings(self) -> SourceSettings:
        return self.place.runtime.settings.sources[0]


def opened(nodes: tuple[FakeNode, ...], settings: SourceSettings) -> Any:
    return open_source(
        name=settings.name, chain_id=CHAIN_ID, contract=CONTRACT, rpc=nodes, verification="full", mapping=settings.described
    )


@pytest.fixture
def contract(tmp_path: Path) -> OwnContract:
    return OwnContract(tmp_path)


def test_from_an_own_event_to_the_bank_line(contract: OwnContract) -> None:
    """Proven by the same receipts, collected like any other; the malformed ones cost none of the good, T38."""
    contract.mine(billed(1, note=b"\xff\xfe\x80"), billed(2, units=1), billed(3))
    contract.run("ingest", "collect", "batch", "handover")
    contract.bank()

    assert [(row.number, row.amount_cents, row.state) for row in contract.place.rows(Invoice)] == [
        ("plant-1-000001", 119_00, "paid"),
        ("plant-1-000003", 119_00, "paid"),
    ]
    assert [(row.kind, "not whole cents" in row.what) for row in contract.place.rows(Break)] == [("MALFORMED_LOG", True)]
    assert contract.holds() == []


def test_it_does_not_count_and_that_is_said(contract: OwnContract) -> None:
    """Nobody asks a strange contract for our count, in reading and in reading again; doctor says what is not proven."""
    contract.mine(billed(1))
    contract.run("ingest")
    replay.run(contract.place.runtime, contract.settings, 0)

    assert [row.stated_count for row in contract.place.rows(Cursor)] == [None]
    assert "its contract does not count invoices" in _trust(contract.settings)
    assert contract.holds() == []


def test_the_same_claim_twice_freezes(contract: OwnContract) -> None:
    """The claim is chain, contract and the id that the mapping names."""
    contract.mine(billed(1), billed(1))
    contract.run("ingest")
    assert contract.place.breaks() == [("CLAIM_CONFLICT", "source:1")]


def test_another_implementation_halts_it(contract: OwnContract) -> None:
    """T41: an own contract behind a proxy, too."""
    contract.mine(billed(1), administration("Upgraded(address)", address=CONTRACT))
    contract.run("ingest")
    assert contract.place.breaks() == [("CONTRACT_CHANGED", "source:1")]


def test_how_it_is_read_never_changes(contract: OwnContract) -> None:
    """What a stored log says in ten years is what it said; another description is another source."""
    with pytest.raises(ConfigError, match="how its event is read never changes"):
        contract.place.rewrite("decimals = 18", "decimals = 16")
    contract.place.rewrite("decimals = 16", "decimals = 18")


def test_a_description_that_does_not_fit_stops_every_command(tmp_path: Path) -> None:
    """It is looked at when it is declared, before any node is asked."""
    place = Place(tmp_path, sources=0)
    with pytest.raises(ConfigError, match=r"mapping\.amount: 'sum' is none of the arguments no, customer, amount, note, due"):
        place.rewrite("[collection]", SOURCE.replace('amount = "amount"', 'amount = "sum"') + "[collection]")
