"""A pain.008 of n debits, rendered and checked as a batch is (schema, count, rules, hash), against sepaxml without validation.

    python tools/bench_pain008.py written|second|ibans N

Both in this process, alternating, median of three; one JSON line. The peak is of a run of ours alone, before sepaxml is loaded.
``second``: the second opinion alone. ``ibans``: so many accounts checked in full, as when a mandate is entered, against schwifty.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench_pipeline import CREDITOR_ID, OWN_IBAN, cents, iban_of, peak_mib

from bridge import archive
from bridge.formats import pain008, schema, second_opinion
from bridge.model.identifiers import check_iban
from bridge.records.pain008 import DebitBlock, DebitFile, DebitLine
from bridge.records.profile import BankProfile
from bridge.rules import scheme

TIMES = 3
BANK = BankProfile("bench", "Bench", transactions_max=1_000_000, bytes_max=10**9)
DUE_ON, SIGNED_ON = date(2026, 12, 1), date(2026, 6, 1)
CREDITOR = "Musterwerk Maschinen GmbH"


def main() -> None:
    what, n = sys.argv[1], int(sys.argv[2])
    print(json.dumps(WHAT[what](n)))


def written(n: int) -> dict[str, object]:
    file = debit_file(n)
    rendered_and_checked(file)  # schemas are compiled once
    peak = peak_mib()
    payments = [payment(number) for number in range(1, n + 1)]
    return told(lambda: rendered_and_checked(file), lambda: bare_sepaxml(payments), peak, "sepaxml export without validation")


def second(n: int) -> dict[str, object]:
    """Of more than 10,000 debits every head, the order of all, and a thousand drawn ones."""
    file = debit_file(n)
    with TemporaryFile() as out:
        pain008.write(file, out)

        def compared() -> None:
            if second_opinion.compare_with_sepaxml(file, out):
                raise SystemExit("bench: the writers do not agree")

        compared()  # sepaxml is imported once
        return told(compared, None, peak_mib(), None)


def ibans(n: int) -> dict[str, object]:
    from schwifty import IBAN

    accounts = [iban_of(number) for number in range(1, n + 1)]
    check_iban(accounts[0])  # the registry is read once

    def ours() -> None:
        for account in accounts:
            check_iban(account)

    def theirs() -> None:
        for account in accounts:
            IBAN(account)

    ours()
    return told(ours, theirs, peak_mib(), "schwifty's IBAN alone")


def told(ours: Callable[[], object], theirs: Callable[[], object] | None, peak: float, against: str | None) -> dict[str, object]:
    """Medians of three, alternating."""
    took: list[float] = []
    worked: list[float] = []
    others: list[float] = []
    for _ in range(TIMES):
        before = time.process_time()
        took.append(seconds(ours))
        worked.append(time.process_time() - before)
        if theirs is not None:
            others.append(seconds(theirs))
    return {
        "seconds": round(median(took), 2),
        "cpu_seconds": round(median(worked), 2),
        "peak_mib": round(peak),
        "ratio": round(median(took) / median(others), 2) if others else None,
        "against": against,
    }


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def debit_file(n: int) -> DebitFile:
    debits = tuple(
        DebitLine(
            end_to_end_id=f"plant-1-{number:06d}-1",
            amount_cents=cents(number),
            mandate_id=f"MND-{number:06d}",
            signed_on=SIGNED_ON,
            debtor_name=f"Debtor {number} GmbH",
            debtor_iban=iban_of(number),
            remittance=f"plant-1-{number:06d}",
        )
        for number in range(1, n + 1)
    )
    block = DebitBlock("B-1", "CORE", "RCUR", DUE_ON, CREDITOR, OWN_IBAN, None, CREDITOR_ID, debits)
    return DebitFile("M-1", datetime(2026, 11, 24, 8, 30, tzinfo=UTC), CREDITOR, (block,))


def rendered_and_checked(file: DebitFile) -> None:
    """Everything that a seal does but the second opinion, which is timed on a line of its own."""
    with TemporaryFile() as out:
        pain008.write(file, out)
        out.seek(0)
        problems = [*scheme.check(file), *scheme.of_bank.check(file, BANK)]
        problems += schema.validate(out, "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08")
        out.seek(0)
        facts = pain008.count(out)
        archive.hash_of(out)
    if problems or (facts.counted, facts.counted_sum_cents) != (file.count, file.control_sum_cents):
        raise SystemExit(f"bench: the file is wrong: {problems[:3]}")


def payment(number: int) -> dict[str, object]:
    return {
        "name": f"Debtor {number} GmbH", "IBAN": iban_of(number), "amount": cents(number), "type": "RCUR",
        "collection_date": DUE_ON, "mandate_id": f"MND-{number:06d}", "mandate_date": SIGNED_ON,
        "description": f"plant-1-{number:06d}", "endtoend_id": f"plant-1-{number:06d}-1",
    }  # fmt: skip


def bare_sepaxml(payments: list[dict[str, object]]) -> None:
    from sepaxml import SepaDD

    config = {
        "name": CREDITOR, "IBAN": OWN_IBAN, "batch": True, "creditor_id": CREDITOR_ID, "currency": "EUR", "instrument": "CORE",
    }  # fmt: skip
    writer = SepaDD(config, schema="pain.008.001.08", clean=False)
    for one in payments:
        writer.add_payment(dict(one))
    writer.export(validate=False)


WHAT = {"written": written, "second": second, "ibans": ibans}

if __name__ == "__main__":
    main()
