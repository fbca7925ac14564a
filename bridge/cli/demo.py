"""demo: the one-minute tour. A chain in this process, six machines, a simulated bank; everything shown is computed."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from contextlib import nullcontext, redirect_stdout
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bridge.cli import call, report, screen
from bridge.errors import BridgeError, ConfigError

if TYPE_CHECKING:
    from bridge.reports.reconciliation import Reconciliation
    from bridge.runtime import Runtime
    from bridge.sim.bank import SimBank

CREDITOR_ID = "DE98ZZZ09999999999"  # the official test identifier
OWN_IBAN = "DE02120300000000202051"
OPENING_CENTS = 1_000_000
MONDAY = date(2026, 11, 23)
SEED = "demo"
#: machine -> mandate id, name, IBAN (examples of the banks' own documentation; the fourth bank code does not exist)
DEBTORS = {
    "laser-cutter-1": ("MND-0001", "Blechwerk Süd GmbH", "DE89370400440532013000"),
    "press-2": ("MND-0002", "Blechwerk Süd GmbH", "DE89370400440532013000"),
    "milling-centre-3": ("MND-0003", "Fräserei Ölmann & Söhne", "DE02500105170137075030"),
    "tractor-4": ("MND-0004", "Hof Lindner", "DE02100500000054540402"),
    "printer-6": ("MND-0006", "Modellbau Groß", "DE93999999990000000001"),
}  # compressor-5 has no mandate
WRONG_IBAN = "DE02100500000054540403"  # tractor-4, a digit mistyped


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Examples:  bridge demo   ·   bridge demo --keep demo-data")(demo)


def demo(
    context: typer.Context, keep: Path | None = typer.Option(None, "--keep", help="Work in this folder and leave it there.")
) -> None:
    """One-minute tour: in-process chain, SQLite, simulated bank, report."""
    here = call.of(context)
    started = time.monotonic()
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise ConfigError(f"{keep} is not empty; name another folder")
    folder = keep or Path(tempfile.mkdtemp(prefix="bridge-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        tour = Tour(folder.resolve(), here)
        with redirect_stdout(sys.stderr) if here.options.json else nullcontext():
            tour.run()
        seconds = round(time.monotonic() - started, 1)
        more = (
            f" Everything is in {folder}: try 'bridge status --config {folder}/bridge.toml'."
            if keep
            else " Run it with --keep DIR to look around afterwards."
        )
        here.answer(
            {"seconds": seconds, "folder": str(keep) if keep else None, "report": tour.report},
            lambda: screen.lines("", f"Done in {seconds} s.{more}"),
        )
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


class Tour:
    """The tour, a chapter each: what happens, shown by the product's own steps, acts and reports."""

    def __init__(self, folder: Path, here: call.Call) -> None:
        self.folder, self.here = folder, here
        self.now = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
        self.chapter = 0
        self.report: Reconciliation | None = None

    def run(self) -> None:
        chain, invoices = self.machines_work()
        runtime = self.set_up(chain)
        self.mandates(runtime, invoices)
        self.collect(runtime)
        message_id = self.two_sign(runtime)
        bank, due_on = self.upload(runtime, message_id)
        self.bank_answers(runtime, bank, due_on)
        self.people_read(runtime)
        self.one_invoice(runtime, message_id)
        self.back_to_the_sensor(runtime, message_id)

    def say(self, title: str, *texts: str) -> None:
        self.chapter += 1
        screen.lines("", f"{self.chapter}. {title}", *(f"   {text}" for text in texts))

    def machines_work(self) -> tuple[Any, Any]:
        from bridge.sim import device, machines
        from bridge.sim.chain import DemoChain

        chain = DemoChain(started_at=int(datetime(2026, 11, 22, 20, 0, tzinfo=UTC).timestamp()))
        invoices = machines.usage(SEED, until=MONDAY - timedelta(days=1), count=40)
        chain.bill(invoices)
        (self.folder / "usage").mkdir(exist_ok=True)
        for invoice in invoices[-6:]:  # what the machines' owner keeps; the last week of it is shown here
            device.write_usage(self.folder / "usage", chain.domain, invoice)
        total = sum(invoice.amount_cents for invoice in invoices)
        self.say(
            "Six machines signed what they did; a smart contract finalized their invoices",
            f"{len(invoices)} invoices, {screen.euro(total)} EUR, contract {chain.contract} on an EVM inside this process.",
            "Nothing is proven here: this chain has one node, and we run it. Real sources are cross-checked.",
        )
        return chain, invoices

    def set_up(self, chain: Any) -> Runtime:
        from bridge.acts import declare
        from bridge.chain import open_source
        from bridge.runtime import build, ready, write_keys

        for name in ("inbox", "outbox"):
            (self.folder / name).mkdir(exist_ok=True)
        write_keys(self.folder / "bridge.keys")
        (self.folder / "bridge.toml").write_text(_config(chain), encoding="utf-8")
        runtime = build(self.folder / "bridge.toml", clock=lambda: self.now)
        ready(self.here.opened(runtime.engine))
        runtime = replace(runtime, source=lambda source: open_source(**chain.source(source.name)))
        declare.run(runtime)
        return runtime

    def mandates(self, runtime: Runtime, invoices: Any) -> None:
        from bridge.acts import import_mandates

        agreements = {invoice.machine: invoice for invoice in invoices}
        bad = import_mandates.run(runtime, "clara", _csv(agreements, {"tractor-4": WRONG_IBAN}), dry_run=False)
        said = [f"refused, nothing imported: line {line.line}: {line.reason}" for line in bad.bad]
        good = import_mandates.run(runtime, "clara", _csv(agreements, {}), dry_run=False)
        said += [f"corrected and imported: {good.new} mandates, {good.paused} of them paused"]
        said += [f"line {line.line}: {line.reason}" for line in good.warnings]
        self.say("Clara imports the mandates", *said)

    def collect(self, runtime: Runtime) -> None:
        from bridge.reports import lists
        from bridge.steps import PIPELINE

        counts = {name: PIPELINE[name][0](runtime) for name in ("ingest", "collect", "batch")}
        with runtime.reading() as session:
            found = lists.invoices(session)
        reasons = sorted({one.hold_reason for one in found if one.hold_reason})
        self.say(
            "The bridge reads the chain, judges every invoice and cuts a file",
            *(f"{name}: {', '.join(f'{key} {value}' for key, value in done.items() if value)}" for name, done in counts.items()),
            *(f"waits: {sum(one.hold_reason == reason for one in found)} x {reason}" for reason in reasons),
        )

    def two_sign(self, runtime: Runtime) -> str:
        from bridge.acts import approve
        from bridge.reports import lists

        with runtime.reading() as session:
            batch = lists.batches(session)[-1]
        said = []
        try:
            approve.run(runtime, "clara", batch.message_id)
        except BridgeError as refusal:
            said.append(f"refused: {refusal}")
        for actor in ("anna", "ben"):
            signed = approve.run(runtime, actor, batch.message_id, sha256=batch.sha256[:8])
            said.append(f"{actor} signs {batch.sha256[:16]}...; {signed.missing} more needed")
        self.say(
            f"Two people approve {batch.message_id}: {batch.collections} debits, {screen.euro(batch.control_sum_cents)} EUR",
            *said,
        )
        return batch.message_id

    def upload(self, runtime: Runtime, message_id: str) -> tuple[SimBank, date]:
        from bridge.acts import confirm_upload
        from bridge.sim.bank import SimBank
        from bridge.steps import handover

        path = handover.export(runtime, actor="anna", message_id=message_id)
        body = path.read_bytes()
        bank = SimBank(OWN_IBAN, opening_cents=OPENING_CENTS, style="batch", fees="inside")
        names = self._members(runtime, message_id)
        wishes = {names[1]: "reject:AC01", names[2]: "return:AC04:300", names[3]: "return:AM04:350", names[4]: "return:MD06:500"}
        bank.plan(wishes)
        bank.upload(body)
        confirm_upload.run(runtime, "anna", message_id, reference="portal order 4711")
        due_on = self._due(runtime, message_id)
        self.say(
            "Anna uploads the file to the bank's portal and says so",
            f"{path.name}, {len(body):,} bytes; only now the ledger moves.",
        )
        return bank, due_on

    def bank_answers(self, runtime: Runtime, bank: SimBank, due_on: date) -> None:
        from bridge.steps import PIPELINE

        inbox = self.folder / "inbox"
        days = [due_on, due_on + timedelta(days=1), due_on + timedelta(days=2)]
        (inbox / "1-status.xml").write_bytes(bank.status_report(MONDAY))
        (inbox / "2-statement.xml").write_bytes(bank.statement(days[0]))
        bank.foreign_transfer(4_200, "Unbekannt GmbH", "Danke")
        bank.bank_fee(390)
        (inbox / "3-statement.xml").write_bytes(bank.statement(days[2]))
        (inbox / "4-the-same-again.xml").write_bytes(bank.repeat_last_statement())
        self.now = datetime(days[2].year, days[2].month, days[2].day, 18, 0, tzinfo=UTC)
        received, explained, sealed = (PIPELINE[name][0](runtime) for name in ("receive", "reconcile", "seal"))
        again = {name: step(runtime) for name, (step, _) in PIPELINE.items()}
        changed = sum(count for name, counts in again.items() for count in counts.values())
        self.say(
            "The bank answers: a status report, a lump sum, returns, a stranger's transfer, and one statement twice",
            f"receive: {', '.join(f'{k} {v}' for k, v in received.items() if v)}",
            f"reconcile: {', '.join(f'{k} {v}' for k, v in explained.items() if v)}",
            f"seal: {sealed['sealed']} vouchers are links of the chain now",
            f"the whole pass once more: {changed} changes",
        )

    def people_read(self, runtime: Runtime) -> None:
        from bridge.balances import NOW
        from bridge.reports import check, reconciliation

        with runtime.reading() as session:
            found = reconciliation.build(session, runtime, NOW)
            checks = check.run(session, runtime)
        self.report = found
        self.say("The accountant reads the report")
        report.show(found, self.here.options.lang)
        wrong = [one for one in checks if not one.ok]
        screen.lines(
            f"bridge check: {len(checks) - len(wrong)} of {len(checks)} invariants hold"
            + "".join(f"; {one.title}: {one.detail}" for one in wrong)
        )
        if wrong or not found.ok:
            raise BridgeError("the demo's books do not add up; that is a bug, please report it")

    def one_invoice(self, runtime: Runtime, message_id: str) -> None:
        from bridge.reports import story

        number = self._members(runtime, message_id)[2].rsplit("-", 1)[0]
        with runtime.reading() as session:
            page = story.of_invoice(session, runtime, number)
        target = _docs() or self.folder / "docs"
        target.mkdir(exist_ok=True)
        (target / "one-invoice.md").write_text(page, encoding="utf-8")
        self.say("One invoice, from the log to the bank line", f"docs/one-invoice.md tells the story of {number}.")

    def back_to_the_sensor(self, runtime: Runtime, message_id: str) -> None:
        from bridge.reports import provenance

        number = self._members(runtime, message_id)[-1].rsplit("-", 1)[0]
        with runtime.reading() as session:
            told = provenance.of_invoice(session, runtime, number)
        if not told.ok or any(one.ok is None for one in told.findings):
            raise BridgeError(f"the demo cannot explain invoice {number} to the sensor; that is a bug, please report it")
        self.say(
            f"And back to the sensor: bridge invoice show {number}",
            f"the counter went from {told.counter_start:,} to {told.counter_end:,}: {screen.euro(told.amount_cents)} EUR",
            *(one.what for one in told.findings),
        )

    def _members(self, runtime: Runtime, message_id: str) -> list[str]:
        from bridge import custody
        from bridge.model import Batch

        with runtime.reading() as session:
            batch = session.query(Batch).filter_by(message_id=message_id).one()
            return [collection.end_to_end_id for collection in custody.members(session, batch)]

    def _due(self, runtime: Runtime, message_id: str) -> date:
        from bridge.reports import lists

        with runtime.reading() as session:
            return next(batch.due_on[-1] for batch in lists.batches(session) if batch.message_id == message_id)


def _config(chain: Any) -> str:
    return f"""\
environment = "development"
timezone = "Europe/Berlin"
[[accounts]]
id = "main"
iban = "{OWN_IBAN}"
bic = "BYLADEM1001"
bank = "default"
[[creditors]]
name = "Musterwerk Maschinen GmbH"
creditor_id = "{CREDITOR_ID}"
account = "main"
[[sources]]
name = "plant-1"
creditor = "{CREDITOR_ID}"
chain_id = {chain.chain_id}
rpc = ["http://127.0.0.1:1"]           # the demo's chain lived in its process
contract = "{chain.contract}"
hold_minutes = 0
verification = "none"
[collection]
batch_at = "09:00"
approval = "four-eyes"
handover = "portal"
prenotification = "elsewhere"
"""


def _csv(agreements: dict[str, Any], typed: dict[str, str]) -> bytes:
    rows = ["mandate_id;debtor_ref;agreement;signed_on;debtor_name;iban"]
    for machine, (mandate_id, name, iban) in DEBTORS.items():
        invoice = agreements[machine]
        reference, agreement = "0x" + invoice.debtor_ref.hex(), "0x" + invoice.agreement_id.hex()
        rows.append(f"{mandate_id};{reference};{agreement};2026-06-01;{name};{typed.get(machine, iban)}")
    return ("\n".join(rows) + "\n").encode()


def _docs() -> Path | None:
    """The docs folder of a checkout; None in an installed package."""
    found = Path(__file__).resolve().parents[2] / "docs"
    return found if (found.parent / "pyproject.toml").exists() and found.is_dir() else None
