"""A place where the bridge runs: bridge.toml, keys, a real SQLite database, recorded logs, and a clock that is set by hand.

Nothing here decides anything: it writes what a person, a chain or a bank would have put there, and reads rows back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, event, select, text

from bridge.acts import declare, import_mandates
from bridge.acts.import_mandates import Outcome
from bridge.chain import ChainSource, decoders
from bridge.chain.recorded import RecordedSource
from bridge.model import Base, Batch, Break, Collection, Invoice
from bridge.model.sealed import Sealed
from bridge.records.invoice_log import Completeness, Head
from bridge.records.profile import BankProfile
from bridge.runtime import Runtime, build, ready, write_keys
from bridge.sim.bank import SimBank
from bridge.steps import PIPELINE
from tests import engines
from tests.steps import canonical

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)  # a Monday, 9:30 in Berlin, half an hour before the bank's cut-off
LATER = NOW + timedelta(days=10)
DUE = date(2026, 12, 1)  # a Tuesday; the bank takes its file from 17 to 27 November, 10:00
CHAIN_ID = 31337
CONTRACT = "0x00000000000000000000000000000000000000c0"
OTHER_CONTRACT = "0x00000000000000000000000000000000000000d0"
CREDITOR_ID = "DE98ZZZ09999999999"  # the official test identifier
OTHER_CREDITOR_ID = "AT61ZZZ01234567890"
OWN_IBAN = "DE02120300000000202051"
OTHER_IBAN = "DE02500105170137075030"
DEBTOR_IBAN = "DE89370400440532013000"
TOPIC = "0xdd70e00b35e2d27bc3c0ed11327442befbf342cb9a4558756b3bffa699eb9b64"
RANDOM_COLUMNS = {"uid", "key_uid", "wrapped", "wrapped_by", "audit_id"}  # and acts are not compared

TOML = """\
timezone = "Europe/Berlin"
[[accounts]]
id = "main"
iban = "DE02120300000000202051"
bank = "default"
[[creditors]]
name = "Musterwerk Maschinen GmbH"
creditor_id = "DE98ZZZ09999999999"
account = "main"
"""
SOURCE = """\
[[sources]]
name = "{name}"
creditor = "{creditor}"
chain_id = 31337
contract = "{contract}"
recorded = "{name}.jsonl"
hold_minutes = {hold}
"""


@dataclass(frozen=True, slots=True)
class Bill:
    """One finalized invoice as the contract would log it; ``block`` 0 means: one block for each number."""

    no: int
    cents: int = 10_000
    debtor: int = 1
    agreement: int = 0  # 0: one of its own, for each number
    due: int = int(datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp())
    block: int = 0
    currency: bytes = b"EUR"
    claim: int = 0


def log_line(bill: Bill, *, contract: str = CONTRACT, block_hash: int = 0) -> dict[str, Any]:
    """The log of a bill as eth_getLogs returns it, with blockTimestamp."""
    block = bill.block or 100 + bill.no
    start = int(datetime(2026, 11, 9, tzinfo=UTC).timestamp())
    words = [
        bill.no.to_bytes(32, "big"),
        bill.cents.to_bytes(32, "big"),
        bill.currency.ljust(32, b"\0"),
        start.to_bytes(32, "big"),
        (start + 7 * 86_400).to_bytes(32, "big"),
        bill.due.to_bytes(32, "big"),
        bytes([4]) * 32,
        bytes([5]) * 32,
    ]
    topics = [TOPIC, _word(bill.claim or bill.no), _word(bill.debtor), _word(bill.agreement or 1_000 + bill.no)]
    return {
        "address": contract,
        "topics": topics,
        "data": "0x" + b"".join(words).hex(),
        "blockNumber": hex(block),
        "blockHash": _word(block_hash or 1_000_000 + block),
        "blockTimestamp": hex(int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()) + block),
        "transactionHash": _word(2_000_000 + bill.no),
        "transactionIndex": "0x0",
        "logIndex": hex(bill.no % 100_000),
    }


def mandate_line(debtor: int = 1, *, mandate_id: str = "", **changed: str) -> dict[str, str]:
    """A good line of a mandate file."""
    line = {
        "mandate_id": mandate_id or f"MND-{debtor:04d}",
        "creditor_id": CREDITOR_ID,
        "debtor_ref": _word(debtor),
        "signed_on": "2026-06-01",
        "debtor_name": f"Debtor {debtor} GmbH",
        "iban": DEBTOR_IBAN,
    }
    return {**line, **changed}


def csv_of(*lines: dict[str, str], separator: str = ";") -> bytes:
    names = list(dict.fromkeys(name for line in lines for name in line))
    rows = [separator.join(names), *(separator.join(line.get(name, "") for name in names) for line in lines)]
    return ("\n".join(rows) + "\n").encode()


class Place:
    """A folder in which the bridge runs. ``now`` is what its clock says."""

    def __init__(
        self,
        folder: Path,
        *,
        now: datetime = NOW,
        hold: int = 0,
        collection: str = "",
        sources: int = 1,
    ) -> None:
        self.folder, self.now = folder, now
        for name in ("inbox", "outbox"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        if not (folder / "bridge.toml").exists():
            write_keys(folder / "bridge.keys")
            contracts = [CONTRACT, OTHER_CONTRACT]
            blocks = [
                SOURCE.format(name=f"plant-{n + 1}", creditor=CREDITOR_ID, contract=contracts[n], hold=hold)
                for n in range(sources)
            ]
            head, accounts = TOML.split("\n", 1)
            top = f"{head}\n{engines.section(folder)}{accounts}"
            (folder / "bridge.toml").write_text(top + "".join(blocks) + "[collection]\n" + (collection or 'batch_at = ""\n'))
            for n in range(sources):
                (folder / f"plant-{n + 1}.jsonl").touch()
        self.open()

    def open(self, **fields: Any) -> Runtime:
        """Build the runtime anew, as the next process would."""
        runtime = build(self.folder / "bridge.toml", clock=lambda: self.now)
        engines.check(self.folder, runtime.engine)
        ready(runtime.engine)
        self.runtime = replace(runtime, **fields)
        declare.run(self.runtime)
        return self.runtime

    def rewrite(self, before: str, after: str) -> Runtime:
        """Edit bridge.toml and open it again."""
        path = self.folder / "bridge.toml"
        old = path.read_text()
        assert before in old
        path.write_text(old.replace(before, after))
        return self.open()

    def bill(self, *bills: Bill, source: str = "plant-1") -> None:
        """Append bills to a source's recorded logs."""
        contract = CONTRACT if source == "plant-1" else OTHER_CONTRACT
        with (self.folder / f"{source}.jsonl").open("a") as file:
            file.writelines(json.dumps(log_line(bill, contract=contract)) + "\n" for bill in bills)

    def mandates(self, *lines: dict[str, str], actor: str = "clara") -> Outcome:
        """Import mandates; each line must be good."""
        outcome = import_mandates.run(self.runtime, actor, csv_of(*(lines or (mandate_line(),))), dry_run=False)
        assert outcome.bad == ()
        return outcome

    def profile(self, **values: Any) -> None:
        """A bank profile of the place's own; what is not named is as in BankProfile."""
        folder = self.folder / "templates" / "banks"
        folder.mkdir(parents=True, exist_ok=True)
        said = {**asdict(BankProfile("default", "Test bank")), **values}
        lines = [f"{name} = {json.dumps(value)}" for name, value in said.items() if name != "name"]
        (folder / "default.toml").write_text("\n".join(lines) + "\n")

    def rows(self, model: Any, *conditions: Any) -> list[Any]:
        with self.runtime.reading() as session:
            found = list(session.scalars(select(model).where(*conditions).order_by(next(iter(model.__table__.primary_key)))))
            session.expunge_all()
            return found

    def states(self) -> dict[str, str]:
        """EndToEndId -> state."""
        return {row.end_to_end_id: row.state for row in self.rows(Collection)}

    def reasons(self) -> dict[str, str]:
        """Invoice number -> why it is held, as an invoice or as a collection; "" where it is not."""
        held = {row.invoice_id: row.reason for row in self.rows(Collection) if row.state == "held"}
        return {row.number: held.get(row.id, row.reason if row.state == "held" else "") for row in self.rows(Invoice)}

    def breaks(self, *, open_only: bool = True) -> list[tuple[str, str]]:
        """(kind, subject) of the Breaks."""
        return [(row.kind, row.subject) for row in self.rows(Break) if not open_only or row.closed_at is None]

    def batches(self) -> list[Batch]:
        return self.rows(Batch)

    def ledger(self, account: str) -> int:
        """Debits less credits of a ledger account, in cents, by plain SQL."""
        sides = "SELECT sum(CASE WHEN debit_account = :a THEN amount_cents ELSE 0 END) - sum(CASE WHEN credit_account = :a"
        with self.runtime.engine.connect() as connection:
            statement = text(sides + " THEN amount_cents ELSE 0 END) FROM posting")
            return int(connection.execute(statement, {"a": account}).scalar() or 0)

    def outbox(self) -> dict[str, bytes]:
        """What lies in the outbox, the manifest too; not what was given up."""
        return {path.name: path.read_bytes() for path in (self.folder / "outbox").iterdir() if path.is_file()}

    def variables_max(self, count: int) -> None:
        """Let the database take at most so many values in one statement, as an old SQLite would; PostgreSQL has a limit too."""

        @event.listens_for(self.runtime.engine, "connect")
        def _limit(connection: Any, _: Any) -> None:
            if isinstance(connection, sqlite3.Connection):
                connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, count)

        @event.listens_for(self.runtime.engine, "before_cursor_execute")
        def _count(_: Any, __: Any, statement: str, values: Any, ___: Any, many: bool) -> None:
            rows = list(values) if many else [values]
            if not all(isinstance(row, (tuple, list, dict)) for row in rows):
                return  # the rows of one INSERT, which SQLAlchemy pages by itself; SQLite's own limit above watches it
            longest = max((len(row) for row in rows), default=0)
            assert longest <= count, f"{longest} values in one statement: {statement[:80]}"

        self.runtime.engine.dispose()

    def dump(self, *but: str) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, without what is random or a moment: keys, ciphertexts, instants; and without ``but``."""
        stored: dict[Table, tuple[list[Column[Any]], list[Any]]] = {}
        with self.runtime.engine.connect() as connection:
            for table in Base.metadata.sorted_tables:
                columns = [
                    column
                    for column in table.columns
                    if not isinstance(column.type, Sealed)
                    and not column.name.endswith("_at")
                    and column.name not in RANDOM_COLUMNS
                ]
                if table.name not in {"audit", "data_key", "step_run"}:
                    stored[table] = columns, [tuple(row) for row in connection.execute(select(*columns))]
        found = (
            {table.name: sorted(rows, key=repr) for table, (_, rows) in stored.items()}
            if self.runtime.engine.dialect.name == engines.SQLITE
            else canonical.without_gaps(stored)
        )
        return {name: rows for name, rows in found.items() if name not in but}


def half_way(folder: Path) -> Place:
    """One file was sent at NOW and the bank's answers lie in the inbox; two new invoices wait to go the whole way, at LATER."""
    place = Place(folder, collection='batch_at = ""\napproval = "none"\nhandover = "folder"\n')
    place.mandates(mandate_line(1), mandate_line(2))
    place.bill(Bill(1), Bill(2, 2_500, debtor=2), Bill(3, 700, debtor=3))
    for step, _ in PIPELINE.values():
        step(place.runtime)
    [path] = (folder / "outbox").glob("*.xml")
    bank = SimBank(OWN_IBAN, opening_cents=500_000, style="single", fees="inside")
    bank.plan({"plant-1-000001-1": "return:AM04:300"})
    bank.upload(path.read_bytes())
    (folder / "inbox" / "1.xml").write_bytes(bank.status_report(NOW.date()))
    (folder / "inbox" / "2.xml").write_bytes(bank.statement(date(2026, 12, 1)))
    (folder / "inbox" / "3.xml").write_bytes(bank.statement(date(2026, 12, 3)))
    (folder / "inbox" / "4.xml").write_bytes(b"no bank wrote this")
    due = int(LATER.timestamp()) + 10 * 86_400
    place.bill(Bill(4, 900, due=due, block=5_000), Bill(5, 800, debtor=2, due=due, block=5_001))
    place.runtime.engine.dispose()
    return place


class Stated:
    """A recorded source whose contract also says how many invoices it finalized: those of ``bills``, or nothing for None."""

    def __init__(self, inner: ChainSource, stated: Sequence[Any] | None) -> None:
        self.inner, self.stated = inner, stated
        self.name, self.chain_id = inner.name, inner.chain_id

    def final_head(self) -> Head | None:
        return self.inner.final_head()

    def head_at(self, number: int) -> Head | None:
        return self.inner.head_at(number)

    def logs(self, first: int, last: int, *, parent: bytes | None = None) -> list[Any]:
        return self.inner.logs(first, last)

    def self_test(self, head: Head) -> None:
        """Nothing is proven here."""

    def code_hash(self, at: Head) -> str | None:
        return self.inner.code_hash(at)

    def completeness(self, at: Head) -> Completeness | None:
        if self.stated is None:
            return None
        chain = bytes(32)
        for raw in self.stated:
            chain = decoders.fold(chain, decoders.decode(raw))
        return Completeness(len(self.stated), chain)


def stating(place: Place, stated: Sequence[Any] | None) -> Runtime:
    """The place's runtime, its contract counting the logs ``stated``."""
    path = place.folder / "plant-1.jsonl"
    return replace(place.runtime, source=lambda s: Stated(RecordedSource(s.name, path, s.chain_id, s.contract), stated))


def _word(number: int) -> str:
    return f"0x{number:064x}"
