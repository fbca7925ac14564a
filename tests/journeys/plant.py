"""A plant for the journeys: bridge.toml, mandates, invoices, and the command line that people type."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from bridge.cli import main
from tests import engines
from tests.chain import invoices
from tests.shells import nursery

CREDITOR_ID = "DE98ZZZ09999999999"  # the official test identifier
OWN_IBAN = "DE02120300000000202051"


@dataclass(frozen=True, slots=True)
class Debtor:
    """A customer with one mandate. The IBANs are examples of the banks' own documentation."""

    mandate_id: str
    name: str
    iban: str
    debtor_ref: bytes
    agreement: bytes = b""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


@dataclass(slots=True)
class Plant:
    """A folder with a bridge.toml. ``said`` keeps every word that any command printed, for who looks for secrets in it."""

    folder: Path
    said: list[Said] = field(default_factory=list)

    @property
    def database(self) -> Path:
        """The file of SQLite."""
        return self.folder / "bridge.db"

    def environment(self) -> dict[str, str]:
        """What the environment says of the database: nothing where it is the one that bridge.toml means by default."""
        return {} if engines.name() == engines.SQLITE else {"BRIDGE_DATABASE__URL": engines.url(self.folder)}

    def bridge(self, *words: str, clock: str = "") -> Said:
        """Run a command as a process of its own, in the plant's folder."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")} | self.environment()
        line = [*words, *(["--clock", clock] if clock else [])]
        self.said.append(Said(*nursery.run(line, cwd=self.folder, environment=environment)))
        return self.said[-1]

    def here(self, *words: str, clock: str = "") -> Said:
        """Run a command inside this process, which is faster: the same words, the same answer."""
        out, err = StringIO(), StringIO()
        line = [*words, "--config", str(self.folder / "bridge.toml"), *(["--clock", clock] if clock else [])]
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in self.environment().items():
                patch.setenv(name, value)
            code = main.run(line)
        self.said.append(Said(code, out.getvalue(), err.getvalue()))
        return self.said[-1]

    def twice(self, *words: str, clock: str = "", codes: tuple[int, int] = (0, 0)) -> Said:
        """Run a command twice, first as a process; the second time changes no row but of audit. Gives the first answer."""
        first = self.bridge(*words, clock=clock)
        before = dump(self)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            second = self.here(*words, clock=clock)
        assert (first.code, second.code) == codes, f"{words}: {first.err}{second.err}{first.out}"
        assert dump(self) == before, f"a second '{' '.join(words)}' changed rows"
        return first

    def ok(self, *words: str, clock: str = "") -> Said:
        """``here``, and it must be done."""
        answer = self.here(*words, clock=clock)
        assert answer.code == 0, f"{words}: {answer.err}{answer.out}"
        return answer


def dump(plant: Plant) -> str:
    """Every row of every table but audit and step_run, sorted by table; on SQLite in the order they were stored."""
    lines = []
    with engines.plain(plant.folder) as connection:
        for name in sorted(set(inspect(connection).get_table_names()) - {"audit", "step_run"}):
            rows = [tuple(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')]
            stored = rows if connection.dialect.name == engines.SQLITE else sorted(rows, key=repr)
            lines += [f"{name} {row!r}" for row in stored]
    return "\n".join(lines)


def config(source: str, *, collection: str = "") -> str:
    """A whole bridge.toml; ``source`` are the lines of [[sources]] that say where the logs are."""
    return f"""\
environment = "development"
timezone = "Europe/Berlin"
[[accounts]]
id = "main"
iban = "{OWN_IBAN}"
bank = "default"
[[creditors]]
name = "Musterwerk Maschinen GmbH"
creditor_id = "{CREDITOR_ID}"
account = "main"
[[sources]]
name = "plant-1"
creditor = "{CREDITOR_ID}"
hold_minutes = 0
verification = "none"
{source}
[collection]
batch_at = "09:00"
approval = "four-eyes"
handover = "portal"
prenotification = "elsewhere"
{collection}
"""


def recorded_source(path: str = "logs.jsonl") -> str:
    """The lines of a source that is a file of recorded logs."""
    return f'recorded = "{path}"\nchain_id = {invoices.CHAIN_ID}\ncontract = "{invoices.CONTRACT}"'


def mandates_csv(debtors: Iterable[Debtor]) -> str:
    """The file that the office imports."""
    rows = ["mandate_id;debtor_ref;agreement;signed_on;debtor_name;iban"]
    for one in debtors:
        agreement = f"0x{one.agreement.hex()}" if one.agreement else ""
        rows.append(f"{one.mandate_id};0x{one.debtor_ref.hex()};{agreement};2026-06-01;{one.name};{one.iban}")
    return "\n".join(rows) + "\n"


def logs(billed: Sequence[tuple[Debtor, int]], *, due_on: date) -> str:
    """Recorded logs, one a line: invoice 1, 2, 3 ... of a debtor over some cents, for September 2026."""
    lines = [json.dumps(_log(number, debtor, cents, due_on)) for number, (debtor, cents) in enumerate(billed, 1)]
    return "\n".join(lines) + "\n"


def _log(number: int, debtor: Debtor, cents: int, due_on: date) -> dict[str, Any]:
    noon = int(datetime.combine(due_on, time(12), UTC).timestamp())
    word = invoices.number
    topics = (invoices.TOPIC, bytes([number]) * 32, debtor.debtor_ref, invoices.AGREEMENT_ID)
    data = invoices.words(w0=word(number), w1=word(cents), w5=word(noon))
    return invoices.line(
        topics=["0x" + topic.hex() for topic in topics],
        data="0x" + data.hex(),
        blockNumber=hex(100 + number),
        blockHash="0x" + bytes([100 + number]).hex() * 32,
        transactionHash="0x" + bytes([200 - number]).hex() * 32,
    )
