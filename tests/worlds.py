"""A small world for a test: bridge.toml, keys, SQLite by the real migration, recorded logs, mandates, a clock to set.

Everything in its folder is the product's own part; nothing is replaced but the clock.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select, text

from bridge import balances, intake
from bridge.acts import declare, import_mandates
from bridge.model import Account, Batch, Block, Break, Collection, Invoice, Member
from bridge.reports import check, evidence, reconciliation
from bridge.rules import breaks, proof
from bridge.rules.people import is_machine
from bridge.runtime import Runtime, build, ready, write_keys
from bridge.steps import PIPELINE
from tests import engines

MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MAIN_IBAN = "DE02120300000000202051"  # examples of the banks' own documentation
OTHER_IBAN = "DE02500105170137075030"
CREDITOR_ID = "DE98ZZZ09999999999"  # the official test identifier
CONTRACT = "0x00000000000000000000000000000000000000c0"
# topic 0 of the reference contract's InvoiceFinalized
TOPIC = "0xdd70e00b35e2d27bc3c0ed11327442befbf342cb9a4558756b3bffa699eb9b64"


@dataclass(frozen=True, slots=True)
class Debtor:
    """A debtor with one mandate; ``mandate`` empty: none."""

    name: str
    iban: str = field(repr=False)
    mandate: str
    scheme: str = "CORE"

    @property
    def reference(self) -> str:
        """Opaque, as on chain: it must not give the name away."""
        return "0x" + sha256(self.name.encode()).hexdigest()


CORE_DEBTOR = Debtor("Fräserei Ölmann & Söhne", "DE89370400440532013000", "MND-0001")
B2B_DEBTOR = Debtor("Blechwerk Süd GmbH", "DE02100500000054540402", "MND-0002", "B2B")
NOBODY = Debtor("Niemand", "", "")


@dataclass(frozen=True, slots=True)
class Usage:
    """One invoice on the recorded chain: who owes how many cents, due when."""

    debtor: Debtor
    cents: int
    due_on: date


@dataclass(slots=True)
class World:
    """The folder, the runtime on it, and the time that its clock shows."""

    folder: Path
    now: datetime
    runtime: Runtime = field(init=False)

    def __post_init__(self) -> None:
        self.runtime = build(self.folder / "bridge.toml", clock=lambda: self.now)
        engines.check(self.folder, self.runtime.engine)

    def run(self, *steps: str) -> dict[str, dict[str, int]]:
        """Run these steps, or all, in the order of the pipeline."""
        return {name: step(self.runtime) for name, (step, _) in PIPELINE.items() if not steps or name in steps}

    def import_mandates(self, *debtors: Debtor) -> None:
        outcome = import_mandates.run(self.runtime, "clara", _mandates(debtors), dry_run=False)
        assert outcome.bad == ()

    def receive(self, name: str, body: bytes) -> str:
        """Take one bank file; returns "stored" or "known"."""
        return intake.take(self.runtime, name, body, actor="receive").result

    def debits(self) -> list[Debit]:
        """Every debit that stands in a file, in the order of the files."""
        with self.runtime.reading() as session:
            rows = session.execute(
                select(Collection.end_to_end_id, Collection.amount_cents, Invoice.number, Batch.message_id, Block.pmt_inf_id)
                .join(Member, Member.collection_id == Collection.id)
                .join(Block, Block.id == Member.block_id)
                .join(Batch, Batch.id == Block.batch_id)
                .join(Invoice, Invoice.id == Collection.invoice_id)
                .order_by(Block.id, Member.ordinal)
            )
            return [Debit(*row) for row in rows]

    def states(self) -> dict[str, str]:
        """EndToEndId -> state."""
        with self.runtime.reading() as session:
            rows = session.execute(select(Collection.end_to_end_id, Collection.state).order_by(Collection.id))
            return {name: state for name, state in rows}

    def balance(self, account: str) -> dict[int, int]:
        """Debits less credits of a ledger account by subject."""
        with self.runtime.reading() as session:
            return balances.by_subject(session, account)

    def balance_by_name(self, account: str) -> dict[str, int]:
        """The same by invoice number, or by the name of a bank account; for Receivable and Bank."""
        found = self.balance(account)
        noun, name = (Invoice, Invoice.number) if account == "Receivable" else (Account, Account.name)
        with self.runtime.reading() as session:
            return {named: found.get(row_id, 0) for row_id, named in session.execute(select(noun.id, name))}

    def parts_by_invoice(self) -> dict[str, Counter[str]]:
        """The proof's parts of every invoice, by its number."""
        with self.runtime.reading() as session:
            numbers = {row_id: number for row_id, number in session.execute(select(Invoice.id, Invoice.number))}
            found = evidence.of_invoices(session, balances.NOW, evidence.billed(session, balances.NOW))
            return {numbers[row_id]: proof.split(one).parts for row_id, one in found.items() if row_id in numbers}

    def report(self, view: balances.View = balances.NOW) -> reconciliation.Reconciliation:
        with self.runtime.reading() as session:
            return reconciliation.build(session, self.runtime, view)

    def failed_checks(self) -> list[check.Check]:
        """The checks that do not hold."""
        with self.runtime.reading() as session:
            return [one for one in check.run(session, self.runtime) if not one.ok]

    def open_breaks(self) -> list[tuple[str, str]]:
        """(kind, subject) of every open Break, sorted."""
        return sorted((row.kind, row.subject) for row in self.report().breaks)

    def only_in_english(self) -> list[tuple[str, str]]:
        """(kind, sentence) of every Break, open or closed, that a German reader would read in English."""
        with self.runtime.reading() as session:
            found = session.execute(select(Break.kind, Break.what, Break.next, Break.resolution, Break.closed_by)).all()
        said = {(kind, one) for kind, what, then, *_ in found for one in (what, then) if breaks.german(kind, one) is None}
        by_rule = {(kind, end) for kind, *_, end, by in found if end and is_machine(by)}
        return sorted(said | {(kind, end) for kind, end in by_rule if breaks.ended(end, "de") == end})

    def close(self) -> None:
        """Close the database, with everything in its one file if it is one."""
        if self.runtime.engine.dialect.name == "sqlite":
            raw = self.runtime.engine.raw_connection()
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raw.close()
        self.runtime.engine.dispose()

    def put_away(self) -> bytes:
        """Close the database and keep what it holds, for ``go_back_to``; every Break that it ever had reads in German, too."""
        english = self.only_in_english()
        assert not english, english
        self.close()
        return engines.keep(self.folder)

    def go_back_to(self, kept: bytes) -> None:
        """Make the database what it was when it was put away; what was compiled for it stays warm."""
        self.close()
        engines.put_back(self.folder, kept)


@dataclass(frozen=True, slots=True)
class Debit:
    """A debit as the bank sees it."""

    end_to_end_id: str
    cents: int
    invoice: str
    message_id: str
    pmt_inf_id: str


def make(folder: Path, usage: Sequence[Usage] = (), *, now: datetime = MONDAY, collection: str = "") -> World:
    """A migrated world with these invoices on its recorded chain; ``collection`` are lines of [collection] that differ."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("inbox", "outbox"):
        (folder / name).mkdir(exist_ok=True)
    write_keys(folder / "bridge.keys")
    write_logs(folder, usage)
    (folder / "bridge.toml").write_text(_config(folder, collection), encoding="utf-8")
    world = World(folder, now)
    ready(world.runtime.engine)
    declare.run(world.runtime)
    return world


def write_logs(folder: Path, usage: Sequence[Usage]) -> None:
    """Let the recorded chain have these invoices."""
    (folder / "logs.jsonl").write_text("".join(_log(number, one) for number, one in enumerate(usage, 1)), encoding="utf-8")


def at_the_bank(folder: Path, usage: Sequence[Usage]) -> World:
    """A world whose invoices with a mandate stand in files that the bank has."""
    world = make(folder, usage)
    world.import_mandates(*{one.debtor: None for one in usage if one.debtor.mandate})
    world.run("ingest", "collect", "batch", "handover")
    assert {state for state in world.states().values()} == {"submitted"}
    return world


def exported(folder: Path, usage: Sequence[Usage]) -> World:
    """A world whose files stand in the outbox: nobody said that they were uploaded."""
    world = make(folder, usage, collection='approval = "none"\nhandover = "portal"\nbatch_at = ""')
    world.import_mandates(*{one.debtor: None for one in usage if one.debtor.mandate})
    world.run("ingest", "collect", "batch", "handover")
    assert {state for state in world.states().values()} == {"batched"}
    return world


def execute(world: World, statement: str) -> None:
    """Run one statement of SQL past the product, as an owner of the database could."""
    with world.runtime.session() as session:
        session.execute(text(statement))


def drop_trigger(world: World, name: str) -> None:
    """Drop one of our triggers, as an owner of the database could."""
    table = re.sub("^(no_update|no_delete|frozen)_", "", name)
    execute(world, f'DROP TRIGGER IF EXISTS "{name}"' + (f' ON "{table}"' if engines.name() == engines.POSTGRESQL else ""))


def _config(folder: Path, collection: str) -> str:
    return f"""\
environment = "development"
timezone = "Europe/Berlin"
{engines.section(folder)}[[accounts]]
id = "main"
iban = "{MAIN_IBAN}"
bic = "BYLADEM1001"
[[accounts]]
id = "other"
iban = "{OTHER_IBAN}"
[[creditors]]
name = "Musterwerk Maschinen GmbH"
creditor_id = "{CREDITOR_ID}"
account = "main"
[[sources]]
name = "plant-1"
creditor = "{CREDITOR_ID}"
chain_id = 31337
contract = "{CONTRACT}"
recorded = "logs.jsonl"
hold_minutes = 0
verification = "none"
[collection]
{collection or 'approval = "none"' + chr(10) + 'handover = "folder"' + chr(10) + 'batch_at = ""'}
"""


def _mandates(debtors: Sequence[Debtor]) -> bytes:
    rows = ["mandate_id;debtor_ref;signed_on;debtor_name;iban;scheme;b2b_confirmed_on"]
    for one in debtors:
        confirmed = "2026-06-02" if one.scheme == "B2B" else ""
        rows.append(f"{one.mandate};{one.reference};2026-06-01;{one.name};{one.iban};{one.scheme};{confirmed}")
    return ("\n".join(rows) + "\n").encode()


def _log(number: int, usage: Usage) -> str:
    """One line as eth_getLogs returns it, of a block of its own."""
    finalized = int(datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()) + number
    due = int(datetime.combine(usage.due_on, datetime.min.time(), UTC).timestamp()) + 12 * 3600
    words = (number, usage.cents, int.from_bytes(b"EUR" + bytes(29), "big"), finalized - 86_400, finalized, due, 4, 0)
    line = {
        "address": CONTRACT,
        "topics": [TOPIC, f"0x{number:064x}", usage.debtor.reference, f"0x{number + 10_000:064x}"],
        "data": "0x" + "".join(f"{word:064x}" for word in words),
        "blockNumber": hex(number),
        "blockHash": f"0x{number + 100_000:064x}",
        "blockTimestamp": hex(finalized),
        "transactionHash": f"0x{number + 200_000:064x}",
        "transactionIndex": "0x0",
        "logIndex": "0x0",
        "removed": False,
    }
    return json.dumps(line) + "\n"
