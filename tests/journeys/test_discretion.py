"""No name, address, e-mail or IBAN of a whole run stands anywhere in plain but in the files that are made to carry it.

Every command is typed, in text and as JSON; Celery does a pass, and crashes in one; then all that was printed, logged,
queued and stored is searched, byte by byte.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date

import pytest
import redis
from typer.main import get_command

from bridge.cli.main import app
from bridge.rules import permissions
from bridge.sim.bank import SimBank
from bridge.steps import PIPELINE
from tests import engines
from tests.journeys.plant import CREDITOR_ID, OWN_IBAN, Debtor, Plant, Said, config, logs, mandates_csv, recorded_source
from tests.rules.test_permissions import NAMES, commands
from tests.servers.valkey import valkey
from tests.shells.crew import crew

DUE_ON = date(2026, 10, 15)
MORNING, CUT, EVENING = "2026-10-05T08:00", "2026-10-06T09:30", "2026-10-19T18:00"
A = Debtor("MND-0001", "Zimtstern & Söhne GmbH", "DE89370400440532013000", b"\xa1" * 32)
B = Debtor("MND-0002", "Fräserei Quittenbaum", "DE02500105170137075030", b"\xb2" * 32)
C = Debtor("MND-0003", "Hof Wacholder", "DE02100500000054540402", b"\xc3" * 32)
MAIL, STREET = "kasse@zimtstern.example", "Holunderweg"
STRANGER, WORDS = "Hedwig Mirabelle", "Miete Oktober Mirabelle"
WRONG_IBAN = "DE88370400440532013000"
SECRETS = [
    *(one.name for one in (A, B, C)), *(one.iban for one in (A, B, C)), MAIL, STREET, STRANGER, WORDS, WRONG_IBAN,
    "Zimtstern", "Quittenbaum", "Wacholder", "Mirabelle", "DE89 3704 0044 0532 0130 00", OWN_IBAN,
]  # fmt: skip
#: commands whose business is to show what a file says, to whoever holds the file
OF_FILES = {"show", "validate", "sim bank"}
#: they run as services, below; or make a plant of their own, whose people are made up
NOT_TYPED = {"worker", "beat", "demo", "init"}


#: what a command is about, where it must be told; MSGID is the file that left
ABOUT = {
    **dict.fromkeys(
        ("batch approve", "batch check", "batch export", "batch mark-uploaded", "batch show", "batch reject"), ("MSGID",)
    ),
    **dict.fromkeys(("batch discard", "batch undo-upload"), ("MSGID", "--reason", "a mistake")),
    "batch withdraw": ("MSGID", "--reference", "letter"),
    "chain replay": ("--from-block", "1"),
    **dict.fromkeys(("invoice show", "invoice release", "chain verify", "ledger journal --invoice"), ("plant-1-000001",)),
    **dict.fromkeys(("invoice hold", "invoice write-off"), ("plant-1-000002", "--reason", "a question")),
    **dict.fromkeys(("mandate show", "mandate sign", "mandate resume"), (A.mandate_id,)),
    "mandate print": (A.mandate_id, "--out", "../forms"),
    **dict.fromkeys(
        ("mandate pause", "mandate revoke", "mandate erase", "mandate legal-hold"), (C.mandate_id, "--reason", "she asked")
    ),
    "mandate amend": (A.mandate_id, "--set", f"street={STREET}"),
    "mandate add": ("--set", f"debtor_name={B.name}", "--set", f"iban={WRONG_IBAN}"),
    "mandate import": ("mandates.csv",),
    **dict.fromkeys(("return show", "return retry", "notify preview", "notify bounced"), ("plant-1-000001-1",)),
    **dict.fromkeys(("break show", "break take", "reconcile show", "reconcile undo", "reconcile release"), ("1",)),
    **dict.fromkeys(("reconcile accept", "reconcile ignore"), ("1",)),
    "creditor show": (CREDITOR_ID,),
    "creditor amend": (CREDITOR_ID, "--name", "Musterwerk Maschinen GmbH"),
    "explain": ("AC04",),
    "import": ("2.xml",),
    "resolve": ("1", "--reason", "seen"),
    "user add": ("dora", "--role", "clerk"),
    "user role": ("dora", "viewer"),
    "user disable": ("dora",),
    "user token": ("dora",),
    "db grant": ("nobody_such",),
    "document destroy": ("--reason", "year is over"),
    **dict.fromkeys(("show", "validate", "sim bank"), ("2.xml",)),
}
#: tables that a search which proves something finds filled
HELD = (
    "person", "bank_account", "mandate", "amendment", "invoice", "collection", "batch", "document", "document_chunk", "statement",
    "entry", "detail", "status_report_line", "move", "voucher", "posting", "audit", "break", "data_key",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run: the plant, what each command said, what Celery's processes printed, and what stood in the broker."""

    plant: Plant
    typed: list[tuple[str, Said]]
    printed: bytes
    queued: bytes


def found(raw: bytes) -> list[str]:
    """Which secrets stand in these bytes, in any common encoding, in XML, or in hexadecimal."""
    low = raw.lower()
    return [secret for secret in SECRETS if any(form.lower() in low for form in forms(secret))]


def forms(secret: str) -> set[bytes]:
    escaped = secret.replace("&", "&amp;").encode()
    coded = {secret.encode(code) for code in ("utf-8", "utf-16-le", "latin-1", "unicode_escape")}
    return coded | {escaped, secret.encode().hex().encode()}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Run:
    folder = tmp_path_factory.mktemp("discreet") / "plant"
    plant = Plant(folder)
    plant.ok("init", str(folder))
    assert engine == engines.name()
    head, rest = config(recorded_source()).split("[[accounts]]", 1)
    (folder / "bridge.toml").write_text(f"{head}{engines.section(folder)}[[accounts]]{rest}", "utf-8")
    (folder / "logs.jsonl").write_text(logs(((A, 12_345), (B, 20_000), (C, 7_001)), due_on=DUE_ON), "utf-8")
    register(plant)
    sealed = sent(plant)
    answered(plant, sealed)
    typed = everything_typed(plant)
    with valkey() as url, crew(folder, url) as people, closing(redis.Redis.from_url(url)) as client:
        (folder / "inbox" / "late.xml").write_bytes(f"<Document>{A.name} {A.iban}".encode())
        people.ring()
        queued = b"\n".join(key + b" " + b" ".join(client.lrange(key, 0, -1)) for key in client.keys("bridge.*"))
        people.working()
        people.wait_for_silence()
        with renamed(plant, "collection RENAME TO away", "away RENAME TO collection"):
            people.ring()
            people.wait_for_silence()
        with renamed(plant, "amendment RENAME COLUMN kind TO away", "amendment RENAME COLUMN away TO kind"):
            plant.here("mandate", "amend", A.mandate_id, "--set", f"debtor_name={STRANGER}", "--actor", "anna", clock=EVENING)
        people.wait_until(lambda: "Error at" in people.everything_said(), "a step failed, and said so")
        return Run(plant, typed, people.everything_said().encode(), queued)


@contextmanager
def renamed(plant: Plant, away: str, back: str) -> Iterator[None]:
    """A table that a running worker does not look for, or a column, is away meanwhile: a crash, with the values at hand."""
    with engines.plain(plant.folder) as connection:
        connection.exec_driver_sql(f"ALTER TABLE {away}")
    yield
    with engines.plain(plant.folder) as connection:
        connection.exec_driver_sql(f"ALTER TABLE {back}")


def register(plant: Plant) -> None:
    """Three mandates by file, one more by hand, one that is amended; a file that is refused, line by line."""
    good, bad = plant.folder / "mandates.csv", plant.folder / "bad.csv"
    good.write_text(mandates_csv((A, B, C)), "utf-8")
    bad.write_text(
        mandates_csv((Debtor("MND-0009", A.name, WRONG_IBAN, b"\xd4" * 32), Debtor("MND 9", "", A.iban, b""))), "utf-8"
    )
    plant.ok("mandate", "import", str(good), "--actor", "clara", clock=MORNING)
    assert plant.here("mandate", "import", str(bad), "--actor", "clara", clock=MORNING).code == 1
    said = [f"debtor_name={B.name}", f"iban={B.iban}", f"email={MAIL}", f"street={STREET}", "town=Köln", "country=DE"]
    sets = [word for one in said for word in ("--set", one)]
    plant.ok("mandate", "add", "--set", "signed_on=2026-06-01", *sets, "--actor", "clara", clock=MORNING)
    plant.ok("mandate", "amend", A.mandate_id, "--set", f"email={MAIL}", "--actor", "clara", clock=MORNING)
    plant.here("mandate", "amend", A.mandate_id, "--set", f"iban={WRONG_IBAN}", "--actor", "clara", clock=MORNING)


def sent(plant: Plant) -> bytes:
    """One file, signed, exported and uploaded."""
    plant.ok("run", clock=CUT)
    [batch] = plant.ok("batch", "list", "--json").json
    for words in (("approve", "anna"), ("approve", "ben"), ("export", "anna"), ("mark-uploaded", "anna")):
        plant.ok("batch", words[0], batch["message_id"], "--actor", words[1], clock=CUT)
    return (plant.folder / "outbox" / f"{batch['message_id']}.xml").read_bytes()


def answered(plant: Plant, sealed: bytes) -> None:
    """A rejection, a return, a stranger's transfer; and files that no bank writes, with names in them."""
    bank = SimBank(OWN_IBAN, opening_cents=1_000_00, style="single")
    bank.plan({"plant-1-000001-1": "return:AC04:300", "plant-1-000002-1": "reject:AC01"})
    bank.upload(sealed)
    bank.foreign_transfer(50_00, STRANGER, WORDS)
    bodies = [bank.status_report(date(2026, 10, 7)), bank.statement(DUE_ON), bank.statement(date(2026, 10, 19))]
    bodies += [bodies[1][:-40], bodies[1].replace(OWN_IBAN.encode(), C.iban.encode()), f"{A.name};{A.iban}".encode()]
    for number, body in enumerate(bodies, 1):
        (plant.folder / f"{number}.xml").write_bytes(body)
        plant.here("import", str(plant.folder / f"{number}.xml"), "--actor", "anna", clock=EVENING)
    plant.here("run", clock=EVENING)


def everything_typed(plant: Plant) -> list[tuple[str, Said]]:
    """Each command with what it may be about, in text and as JSON; each report also as a page and as a table."""
    message_id = plant.ok("batch", "list", "--json").json[0]["message_id"]
    typed: list[tuple[str, Said]] = []
    for name in every_command():
        about = [str(plant.folder / word) if word.endswith((".xml", ".csv", "/forms")) else word for word in ABOUT.get(name, ())]
        words = [message_id if word == "MSGID" else word for word in (*name.split(), *about)]
        ways = [("--json",)] if name not in permissions.ACTS or permissions.ACTS[name] != permissions.READ else [(), ("--json",)]
        if name.startswith("report "):
            ways = [(), ("-f", "json"), ("-f", "html"), ("-f", "csv")]
        typed += [(name, plant.here(*words, *way, "--actor", "anna", clock=EVENING)) for way in ways]
    return typed


def every_command() -> list[str]:
    return sorted(set(commands(get_command(app))) - NOT_TYPED)


def shown(done: Run, names: set[str]) -> dict[str, list[str]]:
    """Command -> which secrets it printed, of these commands."""
    said = {name: "".join(one.out for typed, one in done.typed if typed == name) for name in names}
    return {name: secrets for name, words in said.items() if (secrets := found(words.encode()))}


def test_no_command_prints_a_name_but_those_that_are_asked_for_one(done: Run) -> None:
    """Whatever a viewer may type, and every act: nothing on stdout but where the role for names is asked for."""
    names = set(every_command())

    assert shown(done, names - NAMES - OF_FILES) == {}
    assert set(shown(done, NAMES | OF_FILES)) >= {"mandate show", "reconcile queue", "show"}  # the search finds what is there
    reading = {name for name, roles in permissions.ACTS.items() if roles == permissions.READ} & names
    answered_well = {name for name, one in done.typed if one.code in (0, 4)}
    assert reading - answered_well - {"user token", "chain verify"} == set()


def test_no_refusal_and_no_log_line_holds_a_name(done: Run) -> None:
    """stderr of every command; what workers log, also where a step crashes with the values at hand; what a crash prints."""
    crashed = [one for one in done.plant.said if "a bug:" in one.err or "the database did not take the work" in one.err]

    assert found("".join(one.err for one in done.plant.said).encode()) == []
    assert crashed
    assert found(done.printed) == []
    assert b"Error at" in done.printed
    assert b"Traceback" not in done.printed


def test_no_message_of_the_broker_holds_a_name(done: Run) -> None:
    """Every key and every message that waited, base64 and all."""
    bodies = [b64decode(body) for body in re.findall(rb'"body": "([A-Za-z0-9+/=]*)"', done.queued)]

    assert len(bodies) >= len(PIPELINE)
    assert found(done.queued + b"".join(bodies)) == []


def test_no_row_of_the_database_holds_a_name(done: Run) -> None:
    """The file of SQLite with what lies beside it, or every value of every table of PostgreSQL, as bytes."""
    raw = engines.stored(done.plant.folder)

    assert found(raw) == []
    assert b"plant-1-000001" in raw
    with engines.plain(done.plant.folder) as connection:  # and each sort of row is there to be searched
        empty = [name for name in HELD if not connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar()]
    assert empty == []


def test_no_file_holds_a_name_but_those_that_carry_it(done: Run) -> None:
    """The folder of the plant: the manifest, notes on files that failed, the logs. What people and banks wrote is theirs."""
    theirs = {"bridge.toml", "mandates.csv", "bad.csv", *(f"{n}.xml" for n in range(1, 7))}
    files = [path for path in done.plant.folder.rglob("*") if path.is_file() and path.name not in theirs]
    carrying = [path for path in files if found(path.read_bytes())]

    assert {path.parent.name for path in carrying} <= {"outbox", "failed"}
    assert [path.name for path in carrying if path.suffix != ".xml"] == []
    assert {path.name for path in files} >= {"manifest.jsonl", "late.xml.error.txt"}
