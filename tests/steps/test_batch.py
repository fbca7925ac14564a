"""What is due goes into files that are checked four ways before they are sealed, and each collection into exactly one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bridge import archive, judging
from bridge.acts import discard, hold, mandates
from bridge.errors import SealRefused
from bridge.formats import pain008, schema
from bridge.model import Batch, Block, Collection, Document, Mandate, Member
from bridge.records.pain008 import DebitBlock, DebitFile, DebitLine
from bridge.steps import batch, collect, ingest
from tests import engines
from tests.steps.child import job, run_jobs
from tests.steps.place import NOW, OTHER_CREDITOR_ID, OTHER_IBAN, Bill, Place, mandate_line

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def pending(place: Place, *bills: Bill) -> None:
    place.bill(*bills)
    ingest.run(place.runtime)
    collect.run(place.runtime)


def bytes_of(place: Place, one: Batch) -> bytes:
    with place.runtime.reading() as session:
        return archive.fetch(session, place.runtime.keys, session.get_one(Document, one.document_id))


def test_a_file_holds_what_is_due(place: Place) -> None:
    """One file, valid against the schema, whose debits by its own bytes are the collections, to the cent."""
    place.mandates()
    pending(place, Bill(1, 12_345), Bill(2, 655))
    assert batch.run(place.runtime) == {"batches": 1, "collections": 2, "held": 0, "redated": 0, "waiting": 0}

    [one] = place.batches()
    body = bytes_of(place, one)
    facts = pain008.count(BytesIO(body))
    assert schema.validate(body, NAMESPACE) == []
    assert (facts.counted, facts.counted_sum_cents) == (2, 13_000)
    assert facts.end_to_end_ids == ("plant-1-000001-1", "plant-1-000002-1")
    assert (one.collections, one.control_sum_cents, one.state) == (2, 13_000, "sealed")
    assert one.bytes == len(body)
    assert [row.state for row in place.rows(Collection)] == ["batched", "batched"]
    assert batch.run(place.runtime)["batches"] == 0


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two databases with the same rows and the same clock seal the same MsgId and the same bytes."""
    first = Place(tmp_path / "a")
    first.mandates()
    pending(first, Bill(1), Bill(2, 77))
    engines.copy(tmp_path / "a", tmp_path / "b")
    second = Place(tmp_path / "b")
    for place in (first, second):
        batch.run(place.runtime)

    assert first.batches()[0].message_id == second.batches()[0].message_id
    assert bytes_of(first, first.batches()[0]) == bytes_of(second, second.batches()[0])


def _file(cents: int = 100) -> DebitFile:
    debit = DebitLine(
        end_to_end_id="E-1",
        amount_cents=cents,
        mandate_id="M-1",
        signed_on=date(2026, 6, 1),
        debtor_name="Debtor",
        debtor_iban="DE89370400440532013000",
        remittance="Invoice 1",
    )
    block = DebitBlock(
        pmt_inf_id="B-1",
        scheme="CORE",
        sequence="RCUR",
        due_on=date(2026, 12, 1),
        creditor_name="Creditor",
        creditor_iban="DE02120300000000202051",
        creditor_bic=None,
        creditor_id="DE98ZZZ09999999999",
        batch_booking=True,
        debits=(debit,),
    )
    return DebitFile("MSG-1", NOW, "Creditor", (block,))


@pytest.mark.parametrize(
    ("find", "put", "said"),
    [
        (b"DE89370400440532013000", b"DE02100500000054540402", ""),
        (b"Invoice 1", b"Invoice 2", ""),
        (b">1.00<", b">1.01<", "the bytes hold 1 debits of 101 cents, the plan 1 of 100"),
        (b"<NbOfTxs>1<", b"<NbOfTxs>2<", "another count or sum"),
        (b"<SeqTp>RCUR<", b"<SeqTp>XXXX<", "ISO"),
    ],
)
def test_bytes_that_differ_from_the_plan_are_not_sealed(place: Place, find: bytes, put: bytes, said: str) -> None:
    """Tampered bytes are found by the second writer, the second reader or the schema, and refuse the seal."""
    profile = place.runtime.profile("default")
    body = BytesIO()
    pain008.write(_file(), body)
    batch._check(_file(), body, profile)
    data = body.getvalue()
    assert find in data
    with pytest.raises(SealRefused, match="MSG-1 was not sealed") as refusal:
        batch._check(_file(), BytesIO(data.replace(find, put)), profile)

    assert said in str(refusal.value)
    assert "DE89370400440532013000" not in str(refusal.value)


@pytest.mark.parametrize(("count", "most", "sizes"), [(251, 250, [126, 125]), (1_001, 500, [334, 334, 333]), (500, 500, [500])])
def test_many_become_several_full_files(place: Place, count: int, most: int, sizes: list[int]) -> None:
    """Over the bank's limit the debits are spread about equally; none is missing, none doubled, and the sums add up."""
    place.profile(transactions_max=most)
    place.mandates()
    pending(place, *(Bill(n, 100 + n, block=100) for n in range(1, count + 1)))
    assert batch.run(place.runtime)["collections"] == count

    batches = place.batches()
    assert sorted((one.collections for one in batches), reverse=True) == sizes
    assert sum(one.control_sum_cents for one in batches) == 100 * count + count * (count + 1) // 2
    assert len({one.message_id for one in batches}) == len(batches)
    inside = Counter(name for one in batches for name in pain008.count(BytesIO(bytes_of(place, one))).end_to_end_ids)
    assert len(inside) == count
    assert set(inside.values()) == {1}
    assert len({row.pmt_inf_id for row in place.rows(Block)}) == len(place.rows(Block))


def test_a_file_over_the_banks_bytes_is_halved(place: Place) -> None:
    """No file is larger than bytes_max; every debit is in one of the halves."""
    place.profile(bytes_max=10_000)
    place.mandates()
    pending(place, *(Bill(n, block=100) for n in range(1, 41)))
    batch.run(place.runtime)

    assert len(place.batches()) > 1
    assert all(one.bytes <= 10_000 for one in place.batches())
    assert sum(one.collections for one in place.batches()) == 40
    assert len({row.collection_id for row in place.rows(Member)}) == 40


def test_b2b_and_core_never_share_a_file(place: Place) -> None:
    """Two schemes due on the same day are two files."""
    place.mandates(mandate_line(1), mandate_line(2, scheme="B2B", b2b_confirmed_on="2026-06-02"))
    pending(place, Bill(1), Bill(2, debtor=2))
    batch.run(place.runtime)

    assert sorted((one.scheme, one.collections) for one in place.batches()) == [("B2B", 1), ("CORE", 1)]
    for one in place.batches():
        assert re.findall(rb"<LclInstrm><Cd>(\w+)</Cd>", bytes_of(place, one)) == [one.scheme.encode()]


def test_a_pause_between_collect_and_batch_holds_the_member(place: Place) -> None:
    """A mandate paused after the collection was formed: it is held with the reason, and the others go."""
    place.mandates(mandate_line(1), mandate_line(2))
    pending(place, Bill(1), Bill(2, debtor=2))
    mandates.run(place.runtime, "anna", "MND-0002", "paused", "account closed")
    assert batch.run(place.runtime) == {"batches": 1, "collections": 1, "held": 1, "redated": 0, "waiting": 0}

    assert place.reasons() == {"plant-1-000001": "", "plant-1-000002": "mandate MND-0002 is paused: account closed"}


def test_a_one_off_mandate_is_used_once(place: Place) -> None:
    """Two invoices under one one-off mandate: one debit goes out as OOFF, the other waits and says why."""
    place.mandates(mandate_line(1, kind="one-off"))
    pending(place, Bill(1), Bill(2))
    assert batch.run(place.runtime)["collections"] == 1
    pending(place, Bill(3))
    batch.run(place.runtime)

    assert [row.state for row in place.rows(Collection)] == ["batched", "held", "held"]
    assert b"<SeqTp>OOFF</SeqTp>" in bytes_of(place, place.batches()[0])
    assert "one-off mandate MND-0001 was already used" in place.reasons()["plant-1-000003"]


def test_a_one_off_mandate_is_used_once_however_far_its_debits_stand_apart(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one statement names is a slice of what is due: the second debit of the mandate stands in another one."""
    monkeypatch.setattr(judging, "AT_ONCE", 1)
    place.profile(transactions_max=1)  # in one file, a rule of the scheme would refuse the second
    place.mandates(mandate_line(1, kind="one-off"))
    pending(place, Bill(1), Bill(2))
    assert batch.run(place.runtime)["collections"] == 1


def test_a_one_off_mandate_is_free_again_after_a_discard(place: Place) -> None:
    """A discarded file has used nothing: the mandate may go into the next."""
    place.mandates(mandate_line(1, kind="one-off"))
    pending(place, Bill(1))
    batch.run(place.runtime)
    discard.run(place.runtime, "anna", place.batches()[0].message_id, "wrong day")
    collect.run(place.runtime)

    assert batch.run(place.runtime)["collections"] == 1


def test_a_kill_before_the_commit_leaves_nothing(place: Place) -> None:
    """SIGKILL at the end of the cut: no document, no batch, nothing batched; the next run seals the same bytes."""
    place.mandates()
    pending(place, Bill(1), Bill(2))
    before = place.dump()
    [[killed]] = run_jobs([job(place.folder, "batch", NOW, fault="batch: before commit")])
    assert killed["code"] == -9
    assert place.dump() == before

    assert batch.run(place.runtime)["collections"] == 2


def test_two_processes_put_each_collection_into_one_file(place: Place) -> None:
    """Two processes cut at the same time: each collection stands in exactly one file, and neither fails."""
    place.profile(transactions_max=50)
    place.mandates()
    pending(place, *(Bill(n, block=100) for n in range(1, 201)))
    [answers] = run_jobs([job(place.folder, "batch", NOW) for _ in range(2)])

    assert [answer["code"] for answer in answers] == [0, 0], answers
    assert sum(answer["said"]["batch"]["collections"] for answer in answers) == 200
    assert Counter(Counter(row.collection_id for row in place.rows(Member)).values()) == {1: 200}
    assert len(place.batches()) == 4


def test_a_refused_seal_stores_nothing(place: Place) -> None:
    """A creditor name that leaves no character for the bank refuses the file; the collections stay pending."""
    place.mandates()
    place.rewrite("Musterwerk Maschinen GmbH", "///")
    pending(place, Bill(1))
    before = place.dump()
    with pytest.raises(SealRefused):
        batch.run(place.runtime)

    assert place.dump() == before


def test_the_creditor_may_move_to_another_account(place: Place) -> None:
    """A collection that was formed before the creditor's account changed goes to the account of today."""
    place.mandates()
    pending(place, Bill(1))
    config = place.folder / "bridge.toml"
    second = f'[[accounts]]\nid = "second"\niban = "{OTHER_IBAN}"\n[[creditors]]'
    config.write_text(config.read_text().replace("[[creditors]]", second).replace('account = "main"', 'account = "second"'))
    place.open()
    assert batch.run(place.runtime)["collections"] == 1

    assert OTHER_IBAN.encode() in bytes_of(place, place.batches()[0])
    assert place.rows(Collection)[0].account_id == place.batches()[0].account_id == 2


def test_two_creditors_have_files_of_their_own(place: Place) -> None:
    """Each creditor's debits stand in its own files, under its own name and identifier."""
    more = f'[[creditors]]\nname = "Zweite GmbH"\ncreditor_id = "{OTHER_CREDITOR_ID}"\naccount = "main"\n'
    more += f'[[sources]]\nname = "plant-2"\ncreditor = "{OTHER_CREDITOR_ID}"\nchain_id = 31337\nhold_minutes = 0\n'
    more += f'contract = "0x{"d0":0>40}"\nrecorded = "plant-2.jsonl"\n'
    (place.folder / "plant-2.jsonl").touch()
    place.rewrite("[collection]", more + "[collection]")
    place.mandates(mandate_line(1), mandate_line(2, creditor_id=OTHER_CREDITOR_ID))
    place.bill(Bill(1, debtor=2), source="plant-2")
    pending(place, Bill(1))
    batch.run(place.runtime)

    bodies = [bytes_of(place, one) for one in place.batches()]
    assert [b"plant-1-000001-1" in body for body in bodies] == [True, False]
    assert [b"plant-2-000001-1" in body for body in bodies] == [False, True]
    assert OTHER_CREDITOR_ID.encode() in bodies[1]


def test_no_statement_grows_with_the_number_of_debits(place: Place) -> None:
    """A thousand debits are judged and sealed where a statement takes 999 values."""
    place.variables_max(999)
    place.profile(transactions_max=2_000)
    place.mandates()
    pending(place, *(Bill(n, block=100) for n in range(1, 1_102)))

    assert batch.run(place.runtime)["collections"] == 1_101


def test_a_release_beats_the_limit_in_the_file_too(place: Place) -> None:
    """What a person released above the limit is sealed."""
    place.mandates()
    pending(place, Bill(1, 6_000_000))
    hold.run(place.runtime, "anna", "plant-1-000001", "released", "checked")

    assert batch.run(place.runtime)["collections"] == 1


def test_an_error_before_the_commit_leaves_nothing(place: Place) -> None:
    """An error at the fault point rolls the whole cut back."""
    place.mandates()
    pending(place, Bill(1))
    before = place.dump()

    def stop(_: str) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.run(replace(place.runtime, fault=stop))
    assert place.dump() == before


def test_one_bad_debit_never_stops_the_others(place: Place) -> None:
    """A debit that breaks a scheme rule by its own data is held with the rule's sentence, and stays held; the rest goes out."""
    place.mandates(mandate_line(1), mandate_line(2))
    pending(place, Bill(1, debtor=1), Bill(2, debtor=2))
    with place.runtime.session() as session:  # what an import refuses, and only a broken row can say
        session.execute(update(Mandate).where(Mandate.mandate_id == "MND-0002").values(signed_on=date(2030, 1, 1)))
    assert batch.run(place.runtime) == {"batches": 1, "collections": 1, "held": 1, "redated": 0, "waiting": 0}

    held = next(row for row in place.rows(Collection) if row.state == "held")
    assert held.end_to_end_id == "plant-1-000002-1"
    assert held.reason.startswith("SDD-")
    assert collect.run(place.runtime)["released"] == 0


def test_a_date_that_moves_makes_no_second_debit(place: Place) -> None:
    """B2: cut too late five times, each time with a later date: it stays one debit, of one EndToEndId."""
    place.mandates()
    pending(place, Bill(1))
    for _ in range(5):
        place.now += timedelta(days=9)
        collect.run(place.runtime)
        batch.run(place.runtime)
        [one] = [row for row in place.batches() if row.state == "sealed"]
        discard.run(place.runtime, "anna", one.message_id, "too late", not_uploaded=False)

    assert [row.end_to_end_id for row in place.rows(Collection)] == ["plant-1-000001-1"]
    assert len({row.due_on for row in place.rows(Block)}) == 5
