"""Final logs become invoices, each exactly once, whatever is repeated, killed or run beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from bridge.chain.recorded import RecordedSource
from bridge.errors import BadInput, BridgeError, ConfigError, Unavailable
from bridge.model import Break, ChainLog, Collection, Cursor, Invoice, Voucher
from bridge.steps import collect, ingest
from tests import engines
from tests.steps.child import job, run_jobs
from tests.steps.place import CHAIN_ID, CONTRACT, NOW, Bill, Place, log_line, stating

NOTHING = {"logs": 0, "invoices": 0, "refused": 0}


class PowerCutError(Exception):
    """What a fault point raises in these tests."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_each_log_becomes_an_invoice_and_a_voucher(place: Place) -> None:
    """A final log becomes an open invoice, Receivable / Billed over its amount, and is kept as it was read."""
    place.bill(Bill(1, 12_345), Bill(2, 655))
    assert ingest.run(place.runtime) == {"logs": 2, "invoices": 2, "refused": 0}

    first, second = place.rows(Invoice)
    assert (first.number, first.amount_cents, first.state, first.version) == ("plant-1-000001", 12_345, "open", 1)
    assert (second.number, second.amount_cents) == ("plant-1-000002", 655)
    assert place.ledger("Receivable") == 13_000
    assert place.ledger("Billed") == -13_000
    raw = log_line(Bill(1, 12_345))
    assert place.rows(ChainLog)[0].data == bytes.fromhex(raw["data"][2:])
    assert place.rows(ChainLog)[0].topics == b"".join(bytes.fromhex(topic[2:]) for topic in raw["topics"])


def test_a_second_run_does_nothing(place: Place) -> None:
    """The same blocks again give nothing new."""
    place.bill(Bill(1), Bill(2))
    ingest.run(place.runtime)
    before = place.dump()
    assert ingest.run(place.runtime) == NOTHING

    assert place.dump() == before


def test_blocks_read_again_give_nothing_new(place: Place) -> None:
    """A cursor set back reads the same logs again, and the claim key keeps each invoice single."""
    place.bill(Bill(1), Bill(2))
    ingest.run(place.runtime)
    with place.runtime.engine.begin() as connection:
        connection.execute(
            text("UPDATE cursor SET block_number = 50, block_hash = :zero, invoice_count = 0, invoice_chain = :zero"),
            {"zero": bytes(32)},
        )
    assert ingest.run(place.runtime) == NOTHING

    assert [row.number for row in place.rows(Invoice)] == ["plant-1-000001", "plant-1-000002"]
    assert len(place.rows(Voucher)) == 2
    assert place.rows(Cursor)[0].block_number == 102
    assert place.rows(Cursor)[0].invoice_count == 2


def test_an_error_before_the_cursor_leaves_nothing(place: Place) -> None:
    """Logs, invoices, vouchers and cursor are one commit: an error before its end leaves none of them."""
    place.bill(Bill(1))
    empty = place.dump()

    def cut(name: str) -> None:
        raise PowerCutError(name)

    with pytest.raises(PowerCutError):
        ingest.run(replace(place.runtime, fault=cut))
    assert place.dump() == empty

    assert ingest.run(place.runtime)["invoices"] == 1


def test_a_killed_process_leaves_each_invoice_once(place: Place) -> None:
    """T26: SIGKILL before the commit, then a run: the same rows as without it."""
    place.bill(*(Bill(n) for n in range(1, 6)))
    [[killed], [again]] = run_jobs(
        [job(place.folder, "ingest", NOW, fault="ingest: before the cursor")], [job(place.folder, "ingest", NOW)]
    )
    assert killed["code"] == -9

    assert again["said"]["ingest"]["invoices"] == 5
    assert [row.invoice_no for row in place.rows(Invoice)] == [1, 2, 3, 4, 5]
    assert place.ledger("Receivable") == 5 * 10_000


def test_two_processes_at_once_share_the_work(place: Place) -> None:
    """Two processes read the same source at once: each invoice is there once, and neither process reports a failure."""
    place.bill(*(Bill(n, block=100 * n) for n in range(1, 61)))  # seven ranges of a thousand blocks
    [answers] = run_jobs([job(place.folder, "ingest", NOW) for _ in range(3)])

    assert [answer["code"] for answer in answers] == [0, 0, 0], answers
    assert sum(answer["said"]["ingest"]["invoices"] for answer in answers) == 60
    assert [row.invoice_no for row in place.rows(Invoice)] == list(range(1, 61))
    assert len(place.rows(Voucher)) == 60
    assert place.rows(Cursor)[0].block_number == 6_000


def test_the_cursor_moves_by_compare_and_swap(place: Place) -> None:
    """T27: a range that another worker has read meanwhile is not stored a second time."""
    place.bill(Bill(1))
    settings = place.runtime.settings.sources[0]
    source = place.runtime.source(settings)
    head = source.final_head()
    assert head is not None
    looked = [ingest.look(settings, place.runtime.zone, raw) for raw in source.logs(0, head.number)]
    one = ingest.Range(0, head, looked, None, at_head=True, final=head.number)
    found = [place.runtime.work(lambda session: ingest._store(session, place.runtime, settings, one)) for _ in range(2)]

    assert found == [{"logs": 1, "invoices": 1, "refused": 0}, None]
    assert place.rows(Cursor)[0].version == 1


def test_a_malformed_log_costs_none_of_the_good(place: Place) -> None:
    """A log that is no invoice is kept, refused in words and visible as a Break; the others are invoices."""
    bad = log_line(Bill(2))
    bad["data"] = bad["data"][:-2]
    with (place.folder / "plant-1.jsonl").open("w") as file:
        file.writelines(json.dumps(line) + "\n" for line in (log_line(Bill(1)), bad, log_line(Bill(3))))
    assert ingest.run(place.runtime) == {"logs": 3, "invoices": 2, "refused": 1}

    assert [row.invoice_no for row in place.rows(Invoice)] == [1, 3]
    kept = place.rows(ChainLog)[1]
    assert "255 bytes of data instead of 256" in kept.refused
    assert place.breaks() == [("MALFORMED_LOG", f"chain_log:{kept.id}")]
    assert ingest.run(place.runtime) == NOTHING


@pytest.mark.parametrize(
    ("bill", "why"),
    [
        (Bill(1, currency=b"USD"), "currency is 'USD' instead of 'EUR'"),
        (Bill(1, cents=0), "amountMinor is 0"),
        (Bill(1, cents=100_000_000_000), "a direct debit carries 1 to 99999999999 cents"),
        (Bill(1, due=1_000), "dueDate is 1000"),
    ],
)
def test_what_no_debit_can_carry_is_refused(place: Place, bill: Bill, why: str) -> None:
    """Another currency, an amount of zero or too large, a date outside reason: refused in words, never an invoice."""
    place.bill(bill)
    ingest.run(place.runtime)

    assert place.rows(Invoice) == []
    assert why in place.rows(ChainLog)[0].refused
    assert place.ledger("Receivable") == 0


def test_a_claim_stands_once(place: Place) -> None:
    """A second log with the invoice id of the first is a conflict, whatever else it says; the first stays as it was."""
    place.bill(Bill(1, 500, claim=77), Bill(2, 900, claim=77))
    ingest.run(place.runtime)

    assert [(row.invoice_no, row.amount_cents) for row in place.rows(Invoice)] == [(1, 500)]
    assert place.breaks() == [("CLAIM_CONFLICT", "source:1")]
    place.bill(Bill(3, 100, claim=77))
    assert ingest.run(place.runtime)["refused"] == 1
    assert place.breaks() == [("CLAIM_CONFLICT", "source:1")]


def test_an_invoice_number_stands_once(place: Place) -> None:
    """Two invoices with one number: the second is refused, in the same range and in a later one."""
    place.bill(Bill(1, claim=11), Bill(1, claim=12, block=300))
    ingest.run(place.runtime)
    place.bill(Bill(1, claim=13, block=5_000))
    ingest.run(place.runtime)

    assert len(place.rows(Invoice)) == 1
    assert [kind for kind, _ in place.breaks()] == ["NUMBER_CLASH", "NUMBER_CLASH"]


def test_a_number_too_long_for_the_bank_is_refused(place: Place) -> None:
    """A number over 32 characters would make an EndToEndId over 35: it is refused here, not at the seal of everybody's file."""
    place.rewrite('name = "plant-1"\n', 'name = "plant-1"\ninvoice_number = "{source}-usage-{invoice_no}"\n')
    place.bill(Bill(10**16, block=150), Bill(2, block=200))
    assert ingest.run(place.runtime) == {"logs": 2, "invoices": 2, "refused": 0}
    place.bill(Bill(2**64 - 1, block=300), Bill(3, block=300))
    place.rewrite("{source}-usage-{invoice_no}", "{source}-usage-2026-{invoice_no}")
    assert ingest.run(place.runtime) == {"logs": 2, "invoices": 1, "refused": 1}

    [refused] = [row.refused for row in place.rows(ChainLog) if row.refused]
    assert "longer than 32 characters" in refused
    assert [row.invoice_no for row in place.rows(Invoice)] == [10**16, 2, 3]


def test_a_number_too_large_to_store_is_refused(place: Place) -> None:
    """invoiceNo is a uint64 on chain; one that no database column holds is a refused log, not the end of all reading."""
    place.rewrite('name = "plant-1"\n', 'name = "plant-1"\ninvoice_number = "{invoice_no}"\n')
    place.bill(Bill(2**63, block=150), Bill(2**63 - 1, block=151), Bill(3, block=152))
    assert ingest.run(place.runtime) == {"logs": 3, "invoices": 2, "refused": 1}

    assert [row.number for row in place.rows(Invoice)] == [str(2**63 - 1), "3"]


def test_a_final_block_that_changed_freezes_the_source(place: Place) -> None:
    """The cursor's block has another hash now: nothing more is read, and nothing of the source is collected."""
    place.mandates()
    place.bill(Bill(1))
    ingest.run(place.runtime)
    (place.folder / "plant-1.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in (log_line(Bill(1), block_hash=666), log_line(Bill(2))))
    )
    assert ingest.run(place.runtime) == NOTHING
    assert collect.run(place.runtime)["opened"] == 0

    assert place.breaks() == [("REORG_BELOW_FINAL", "source:1")]
    assert place.rows(Collection) == []
    assert [row.invoice_no for row in place.rows(Invoice)] == [1]
    ingest.run(place.runtime)
    assert len(place.rows(Break)) == 1


def test_recorded_logs_that_got_shorter_freeze_the_source(place: Place) -> None:
    """A file of logs that ends before the cursor is another history, not one that answers later."""
    place.bill(Bill(1), Bill(2))
    ingest.run(place.runtime)
    (place.folder / "plant-1.jsonl").write_text(json.dumps(log_line(Bill(1))) + "\n")
    ingest.run(place.runtime)

    assert place.breaks() == [("REORG_BELOW_FINAL", "source:1")]


def test_the_right_block_thaws_the_source(place: Place) -> None:
    """Once the node shows the block that was read, the Break closes and the reading goes on."""
    place.bill(Bill(1))
    ingest.run(place.runtime)
    good = (place.folder / "plant-1.jsonl").read_text()
    (place.folder / "plant-1.jsonl").write_text(json.dumps(log_line(Bill(1), block_hash=666)) + "\n")
    ingest.run(place.runtime)
    (place.folder / "plant-1.jsonl").write_text(good + json.dumps(log_line(Bill(2))) + "\n")
    assert ingest.run(place.runtime)["invoices"] == 1

    assert place.breaks() == []


def _raw(place: Place) -> list[object]:
    source = RecordedSource("plant-1", place.folder / "plant-1.jsonl", CHAIN_ID, CONTRACT)
    return list(source.logs(0, 10**9))


def test_a_count_that_differs_from_the_contract_freezes_the_source(place: Place) -> None:
    """T40: the contract counts two invoices, the node showed one: SOURCE_INCOMPLETE, and nothing of the source is collected."""
    place.mandates()
    place.bill(Bill(1), Bill(2))
    both = _raw(place)
    (place.folder / "plant-1.jsonl").write_text(json.dumps(log_line(Bill(1))) + "\n")
    ingest.run(stating(place, both))
    collect.run(place.runtime)

    assert place.breaks() == [("SOURCE_INCOMPLETE", "source:1")]
    assert place.rows(Collection) == []


def test_a_running_hash_that_differs_freezes_the_source(place: Place) -> None:
    """The same count, but an invoice of another amount: SOURCE_INCOMPLETE."""
    place.bill(Bill(1, 900))
    other = _raw(place)
    (place.folder / "plant-1.jsonl").write_text(json.dumps(log_line(Bill(1, 901))) + "\n")
    ingest.run(stating(place, other))

    assert place.breaks() == [("SOURCE_INCOMPLETE", "source:1")]


def test_a_count_that_agrees_is_kept_beside_ours(place: Place) -> None:
    """Contract and logs agree: no Break, the contract's word stands in the cursor, and the source is collected."""
    place.mandates()
    place.bill(Bill(1), Bill(2))
    ingest.run(stating(place, _raw(place)))

    assert place.breaks() == []
    cursor = place.rows(Cursor)[0]
    assert (cursor.stated_count, cursor.stated_chain) == (cursor.invoice_count, cursor.invoice_chain)
    assert cursor.invoice_count == 2
    assert collect.run(place.runtime)["opened"] == 2


def test_agreement_later_closes_the_break(place: Place) -> None:
    """Once the contract counts what was read, SOURCE_INCOMPLETE closes by itself."""
    place.bill(Bill(1))
    one = _raw(place)
    ingest.run(stating(place, []))
    assert place.breaks() == [("SOURCE_INCOMPLETE", "source:1")]
    place.bill(Bill(2))
    ingest.run(stating(place, [*one, *_raw(place)[1:]]))

    assert place.breaks() == []


@pytest.mark.parametrize("block", [102, 5_000])
def test_a_proof_that_is_gone_freezes_the_source(place: Place, block: int) -> None:
    """A contract that counted and counts no more: PROOF_LOST, also where many blocks were read in between."""
    place.mandates()
    place.bill(Bill(1))
    ingest.run(stating(place, _raw(place)))
    place.bill(Bill(2, block=block))
    ingest.run(stating(place, None))
    collect.run(place.runtime)

    assert place.breaks() == [("PROOF_LOST", "source:1")]
    assert place.rows(Collection) == []


def test_a_source_that_never_counted_has_lost_nothing(place: Place) -> None:
    """Recorded logs have no contract to ask: no Break for that."""
    place.bill(Bill(1))
    ingest.run(place.runtime)

    assert place.breaks() == []
    assert place.rows(Cursor)[0].stated_count is None


def test_a_silent_node_does_not_stop_the_others(tmp_path: Path) -> None:
    """A node that does not answer is reported as Unavailable at the end; the other sources were read."""
    place = Place(tmp_path, sources=2)
    place.bill(Bill(1), source="plant-2")
    place.rewrite('recorded = "plant-1.jsonl"', 'rpc = ["http://127.0.0.1:9"]')
    with pytest.raises(Unavailable, match=r"127.0.0.1:9"):
        ingest.run(place.runtime)

    assert [row.number for row in place.rows(Invoice)] == ["plant-2-000001"]


@pytest.mark.parametrize(("content", "refusal"), [("{not json}\n", BadInput), (None, ConfigError)])
def test_a_bad_file_does_not_stop_the_others(tmp_path: Path, content: str | None, refusal: type[BridgeError]) -> None:
    """A recorded file with a bad line, or one that is missing, is refused by name and line; the other sources were read."""
    place = Place(tmp_path, sources=2)
    place.bill(Bill(1))
    place.bill(Bill(1), source="plant-2")
    if content is None:
        (tmp_path / "plant-1.jsonl").unlink()
    else:
        with (tmp_path / "plant-1.jsonl").open("a") as file:
            file.write(content)
    with pytest.raises(refusal, match=r"plant-1.jsonl"):
        ingest.run(place.runtime)

    assert [row.number for row in place.rows(Invoice)] == ["plant-2-000001"]


def test_the_hold_after_finality_is_waited_for(tmp_path: Path) -> None:
    """hold_minutes = 60: not collected after 59 minutes, collected after 60."""
    place = Place(tmp_path, hold=60)
    place.mandates()
    place.bill(Bill(1))
    ingest.run(place.runtime)
    place.now = NOW + timedelta(minutes=59)
    assert collect.run(place.runtime)["opened"] == 0
    place.now = NOW + timedelta(minutes=60)

    assert collect.run(place.runtime)["opened"] == 1


def test_the_due_date_is_a_date_of_the_creditors_zone(place: Place) -> None:
    """23:30 UTC of 30 November is 1 December in Berlin, and that is the day the debtor reads."""
    place.bill(
        Bill(1, due=int(datetime(2026, 11, 30, 23, 30, tzinfo=UTC).timestamp())),
        Bill(2, due=int(datetime(2026, 11, 30, 22, 30, tzinfo=UTC).timestamp())),
        Bill(3, due=int(datetime(2026, 7, 1, 22, 30, tzinfo=UTC).timestamp())),  # summer time: two hours
    )
    refused = ingest.run(place.runtime)["refused"]

    assert refused == 1  # the third is due before its period: refused by the decoder
    assert [row.due_on for row in place.rows(Invoice)] == [date(2026, 12, 1), date(2026, 11, 30)]


def test_many_logs_in_one_block_are_many_statements(place: Place) -> None:
    """No statement grows with the number of logs: a thousand in one block pass where a statement takes 999 values."""
    place.variables_max(999)
    place.bill(*(Bill(n, block=100) for n in range(1, 1_102)))
    assert ingest.run(place.runtime)["invoices"] == 1_101

    assert place.ledger("Receivable") == 1_101 * 10_000


def test_every_fault_leaves_what_an_undisturbed_run_leaves(tmp_path: Path) -> None:
    """Killed in the second of two ranges: the first stays, the second is read again, and all rows are as without the kill."""
    calm, cut = Place(tmp_path / "calm"), tmp_path / "cut"
    calm.bill(Bill(1), Bill(2, block=1_500))
    engines.copy(calm.folder, cut)
    ingest.run(calm.runtime)
    seen = 0

    def second(point: str) -> None:
        nonlocal seen
        seen += point == "ingest: before the cursor"
        if seen == 2:
            raise PowerCutError

    disturbed = Place(cut)
    with pytest.raises(PowerCutError):
        ingest.run(replace(disturbed.runtime, fault=second))
    assert [row.invoice_no for row in disturbed.rows(Invoice)] == [1]
    ingest.run(disturbed.runtime)

    assert disturbed.dump() == calm.dump()
