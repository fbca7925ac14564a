"""Measure the product: the whole path of n invoices, and the pain.008 writer. Prints a table and writes build/bench.json.

    python tools/bench.py [--invoices 10000] [--times 1] [--style single] [--only WORD]

A stage's seconds are its own work, without the start of Python and the imports; its processor seconds are those of its own
process, which a busy machine changes little. Its peak MiB is the most memory that the process ever held, with the imports
(``start`` is what every stage holds before it begins). A database in processes of its own is not in these two. At the end the
books are compared with the plan, to the cent: a bench of wrong results is none, and exits 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

# Nothing of the product is imported here: a process inherits its parent's peak memory, so this one stays small.
ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "build" / "bench.json"
PIPELINE = Path(__file__).with_name("bench_pipeline.py")
WRITER = Path(__file__).with_name("bench_pain008.py")
READER = Path(__file__).with_name("bench_ingest.py")
STATEMENT = Path(__file__).with_name("bench_camt053.py")
MATCHER = Path(__file__).with_name("bench_match.py")
CUTTER = Path(__file__).with_name("bench_cut.py")
CREW = Path(__file__).with_name("bench_workers.py")
STAGES = (
    "set-up", "start", "mandates", "ingest", "collect", "batch", "approve", "export", "hand-over", "bank", "receive", "reconcile",
    "report", "check",
)  # fmt: skip
NOT_MEASURED = ("set-up", "bank")  # the product's part begins after them
MEASURED = ("seconds", "cpu_seconds", "peak_mib")
NO_WORK = ("start",)  # shown, but not part of the total
PROOF = "proof_blocks"
CHECKED = "iban_100k"
WRITTEN = {"pain008_1k": 1_000, "pain008_100k": 100_000}
CUT = {"cut_10k": 10_000, "cut_1m": 1_000_000}
MATCHED = {"match_10k_of_1m": 10_000, "match_100k_of_1m": 100_000}
WORKERS = {"workers_1": 1, "workers_2": 2, "workers_4": 4}
READ = {"camt053_10k": 10_000, "camt053_100k": 100_000}

Row = dict[str, Any]


def main() -> int:
    asked = arguments()
    rows: list[Row] = []
    wrong: list[str] = []
    for engine, url_of in ENGINES.items():
        name = f"pipeline_{short(asked.invoices)}_{engine}"
        if asked.only in name:
            runs = []
            for _ in range(asked.times):
                with tempfile.TemporaryDirectory(prefix="bench-") as folder, url_of() as url:
                    stages, problems = pipeline(Path(folder), url, asked.invoices, asked.style)
                runs.append(stages)
                wrong += [f"{name}: {problem}" for problem in problems]
            rows += in_the_middle(name, asked.invoices, runs)
    name = f"ingest_{short(asked.events)}_full"
    if asked.only in name or asked.only in PROOF:
        rows += [row for row in reading(name, asked.events) if asked.only in row["name"]]
    for name, n in WRITTEN.items():
        if asked.only in name:
            rows.append({"name": name, "stage": None, "n": n, **run(WRITER, "written", str(n))})
            rows.append({"name": name, "stage": "opinion", "n": n, **run(WRITER, "second", str(n))})
    rows += [cutting(name, n) for name, n in CUT.items() if asked.only in name]
    rows += [row for name, n in MATCHED.items() if asked.only in name for row in matching(name, n)]
    rows += working({name: n for name, n in WORKERS.items() if asked.only in name}, asked.shared)
    rows += [{"name": name, "stage": None, "n": n, **run(STATEMENT, str(n))} for name, n in READ.items() if asked.only in name]
    if asked.only in CHECKED:
        rows.append({"name": CHECKED, "stage": None, "n": 100_000, **run(WRITER, "ibans", "100000")})
    show(rows)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    for problem in wrong:
        print(f"bench: the books are not as planned: {problem}", file=sys.stderr)
    return 1 if wrong or not rows else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure the whole path of n invoices on both engines, and what reads and writes files."
    )
    parser.add_argument("--invoices", type=int, default=10_000, help="how many invoices go the whole path")
    parser.add_argument("--events", type=int, default=200_000, help="how many invoices are read from a node, 100 in a block")
    parser.add_argument("--shared", type=int, default=20_000, help="how many invoices 1, 2 and 4 workers share")
    parser.add_argument("--times", type=int, default=1, help="how often; the table shows medians")
    parser.add_argument("--style", default="single", choices=("single", "batch", "detailed"), help="how the bank credits debits")
    parser.add_argument("--only", default="", metavar="WORD", help="only what has this word in its name")
    return parser.parse_args()


@contextmanager
def sqlite() -> Iterator[str]:
    yield "sqlite:///bridge.db"


@contextmanager
def postgres() -> Iterator[str]:
    """A server of our own with PostgreSQL's own settings, so fsync and synchronous_commit are on; or the one that is named."""
    sys.path.insert(0, str(ROOT))
    from tests.servers import postgres as servers

    if servers.GIVEN:
        yield servers.GIVEN
        return
    with servers.running({}) as server:
        yield server.url


ENGINES = {"sqlite": sqlite, "postgres": postgres}


def pipeline(folder: Path, url: str, invoices: int, style: str) -> tuple[list[Row], list[str]]:
    """Every stage, in the order of an invoice's life; and what in the books is not as planned."""
    (folder / "plant.json").write_text(json.dumps({"url": url, "invoices": invoices, "style": style}), "utf-8")
    found: list[Row] = []
    for stage in STAGES:
        measured = run(PIPELINE, str(folder), stage)
        print(f"  {stage:<10} {measured['seconds']:8.2f} s  {measured['said'] or ''}", file=sys.stderr)
        if stage not in NOT_MEASURED:
            found.append({"stage": stage, **{what: measured[what] for what in MEASURED}})
    return found, run(PIPELINE, str(folder), "verify")["said"]


def reading(name: str, events: int) -> list[Row]:
    """The same chain read by us and the naive way, each into a new database of one server; then the proof's arithmetic."""
    sys.path.insert(0, str(ROOT))
    from tests.nodes import anvil

    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, anvil() as url:
        for stage in ("mine", "ours", "naive", "proof"):
            with postgres() as database:
                known = Path(folder) / "chain.json"
                told = json.loads(known.read_text("utf-8")) if known.exists() else {"blocks": events // 100, "rpc": url}
                known.write_text(json.dumps({**told, "database": database}), "utf-8")
                rows[stage] = run(READER, stage, folder)
            print(f"  {stage:<10} {rows[stage]['seconds']:8.2f} s  {rows[stage]['said']}", file=sys.stderr)
    read = {what: rows["ours"][what] for what in MEASURED}
    ratio = round(rows["ours"]["seconds"] / rows["naive"]["seconds"], 2)
    proven = rows["proof"]["said"]
    alone = {"seconds": round(proven["ours"], 2), "cpu_seconds": round(proven["ours"], 2), "peak_mib": rows["proof"]["peak_mib"]}
    return [
        {"name": name, "stage": None, "n": events, **read, "ratio": ratio, "against": "web3.py get_logs, executemany"},
        {
            "name": PROOF, "stage": None, "n": proven["blocks"], **alone,
            "ratio": round(proven["ours"] / proven["theirs"], 2), "against": "rlp, trie, eth-bloom",
        },
    ]  # fmt: skip


def cutting(name: str, debits: int) -> Row:
    """Files cut for so many debits, on a server of our own."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, postgres() as database:
        (Path(folder) / "cut.json").write_text(json.dumps({"database": database, "debits": debits}), "utf-8")
        there = run(CUTTER, "set-up", folder)["said"]
        measured = run(CUTTER, "cut", folder)
    print(f"  {'cut':<10} {measured['seconds']:8.2f} s  {measured['said']}", file=sys.stderr)
    found = {what: round(measured[what], 2) for what in ("seconds", "cpu_seconds")}
    return {
        "name": name,
        "stage": None,
        "n": there,
        **found,
        "peak_mib": round(measured["peak_mib"]),
        "ratio": None,
        "against": None,
    }


def matching(name: str, lines: int) -> list[Row]:
    """A statement stored, and its lines matched and booked, beside a million debits on a server of our own."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, postgres() as database:
        told = {"database": database, "debits": 1_000_000, "lines": lines}
        (Path(folder) / "match.json").write_text(json.dumps(told), "utf-8")
        for stage in ("set-up", "receive", "reconcile"):
            measured = run(MATCHER, stage, folder)
            print(f"  {stage:<10} {measured['seconds']:8.2f} s  {measured['said']}", file=sys.stderr)
            if stage not in NOT_MEASURED:
                found = {what: round(measured[what], 2) for what in ("seconds", "cpu_seconds")}
                head = {"name": name, "stage": stage, "n": lines, "ratio": None, "against": None}
                rows.append({**head, **found, "peak_mib": round(measured["peak_mib"])})
    return rows


def working(crews: dict[str, int], invoices: int) -> list[Row]:
    """The same work shared by so many workers, on a database and a broker of our own each; against the first of them."""
    if not crews:
        return []
    sys.path.insert(0, str(ROOT))
    from tests.servers.valkey import valkey

    rows: list[Row] = []
    for name, workers in crews.items():
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, postgres() as database, valkey() as broker:
            told = {"database": database, "broker": broker, "workers": workers, "invoices": invoices}
            (Path(folder) / "workers.json").write_text(json.dumps(told), "utf-8")
            measured = run(CREW, folder)
        print(f"  {name:<10} {measured['said']}", file=sys.stderr)
        seconds = {stage: round(measured[stage], 2) for stage in ("sent", "heard")}
        for stage, took in [*seconds.items(), ("total", round(sum(seconds.values()), 2))]:
            first = next((row for row in rows if row["stage"] == stage), None)
            ratio = round(took / first["seconds"], 2) if first else None
            head = {"name": name, "stage": stage, "n": invoices, "ratio": ratio, "against": first["name"] if first else None}
            rows.append({**head, "seconds": took, "cpu_seconds": measured["cpu_seconds"], "peak_mib": measured["peak_mib"]})
    return rows


def run(script: Path, *words: str) -> Row:
    """One process, and the JSON line that it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    done = subprocess.run(
        [sys.executable, str(script), *words], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"bench: {script.name} {' '.join(words)} failed")
    answer: Row = json.loads(done.stdout)
    return answer


def in_the_middle(name: str, invoices: int, runs: list[list[Row]]) -> list[Row]:
    """The medians of each stage, its highest peak, and their total."""
    head = {"name": name, "n": invoices, "ratio": None, "against": None}
    rows = []
    for same in zip(*runs, strict=True):
        times = {what: round(median(row[what] for row in same), 2) for what in ("seconds", "cpu_seconds")}
        rows.append({**head, "stage": same[0]["stage"], **times, "peak_mib": round(max(row["peak_mib"] for row in same))})
    work = [row for row in rows if row["stage"] not in NO_WORK]
    times = {what: round(sum(row[what] for row in work), 2) for what in ("seconds", "cpu_seconds")}
    return [*rows, {**head, "stage": "total", **times, "peak_mib": max(row["peak_mib"] for row in work)}]


def show(rows: list[Row]) -> None:
    print(f"{'name':<22} {'stage':<10} {'n':>8} {'seconds':>9} {'processor':>9} {'peak MiB':>9}  ratio")
    for row in rows:
        ratio = f"{row['ratio']} of {row['against']}" if row["ratio"] else ""
        times = f"{row['seconds']:>9.2f} {row['cpu_seconds']:>9.2f}"
        print(f"{row['name']:<22} {row['stage'] or '':<10} {row['n']:>8,} {times} {row['peak_mib']:>9,}  {ratio}")


def short(number: int) -> str:
    """10000 as 10k."""
    return f"{number // 1000}k" if number % 1000 == 0 else str(number)


if __name__ == "__main__":
    sys.exit(main())
