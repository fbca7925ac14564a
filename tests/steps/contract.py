"""A place, and a contract on a chain of its own: what the tests about news of the chain share."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from bridge.model import Invoice
from bridge.reports import check
from bridge.sim.bank import SimBank
from bridge.sim.fake_chain import FakeChain, FakeLog, FakeNode, invoice
from bridge.sim.fake_chain import cancellation as cancelled
from bridge.sim.fake_chain import payment as paid
from bridge.steps import PIPELINE, ingest
from tests.steps.place import CHAIN_ID, CONTRACT, LATER, OWN_IBAN, Place, mandate_line
from tests.steps.test_ingest_nodes import opened

DUE = int(datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp())
billed = partial(invoice, cents=119_00, address=CONTRACT, debtor_ref=bytes(31) + b"\1", due_date=DUE)
cancellation = partial(cancelled, address=CONTRACT)
EURC = "0x" + "ec" * 20  # six decimals
payment = partial(paid, address=CONTRACT, token=EURC)
OWN = 'batch_at = ""\napproval = "none"\nhandover = "folder"\n'
SIGNED = 'batch_at = ""\napproval = "four-eyes"\nhandover = "portal"\n'


class Contract:
    """A place, and a contract on a chain of its own that finalizes and cancels."""

    def __init__(self, folder: Path, collection: str = OWN) -> None:
        self.chain = FakeChain(chain_id=CHAIN_ID, contract=CONTRACT)
        self.place = Place(folder, collection=collection)
        self.place.rewrite(
            'recorded = "plant-1.jsonl"',
            'rpc = ["http://a", "http://b"]\nfinality_alarm_minutes = 0\ntokens = {"' + EURC + '" = 6}',
        )
        self.nodes = FakeNode(self.chain, host="a"), FakeNode(self.chain, host="b")
        self.reopen()
        self.place.mandates(mandate_line(1))

    def reopen(self) -> None:
        """Read bridge.toml again, and see the nodes as they are now."""
        self.place.open(source=partial(opened, self.nodes))

    def mine(self, *logs: FakeLog) -> None:
        self.chain.mine(*([log] for log in logs))

    def run(self, *steps: str) -> None:
        for step in steps:
            PIPELINE[step][0](self.place.runtime)

    def cancel(self, number: int = 1) -> None:
        self.mine(cancellation(number))
        assert ingest.run(self.place.runtime)["refused"] == 0

    def reorg(self, depth: int, *logs: FakeLog) -> None:
        """Other blocks take the place of the last ``depth``, which had been final: these logs, and as many blocks at least."""
        self.chain.reorg(depth)
        self.mine(*logs)
        self.chain.mine_empty(depth)

    def state(self) -> tuple[str, int]:
        """Of the first invoice: its state, and what is on its Receivable beside the others'."""
        return self.place.rows(Invoice)[0].state, self.place.ledger("Receivable")

    def holds(self) -> list[str]:
        """The checks that do not hold."""
        with self.place.runtime.reading() as session:
            return [one.id for one in check.run(session, self.place.runtime) if not one.ok]

    def bank(self, plan: dict[str, str] | None = None) -> None:
        """The bank has the file, and answers."""
        self.books(self.opened(plan), 1, 3)

    def opened(self, plan: dict[str, str] | None = None) -> SimBank:
        """The bank with the file, before it booked anything."""
        [path] = (self.place.folder / "outbox").glob("*.xml")
        bank = SimBank(OWN_IBAN, opening_cents=0, style="single")
        bank.plan(plan or {})
        bank.upload(path.read_bytes())
        return bank

    def books(self, bank: SimBank, *days: int) -> None:
        """Its statements of these days of December, taken in and explained."""
        for day in days:
            (self.place.folder / "inbox" / f"{day}.xml").write_bytes(bank.statement(date(2026, 12, day)))
        self.place.now = LATER
        self.run("receive", "reconcile")
