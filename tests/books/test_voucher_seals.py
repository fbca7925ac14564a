"""Every voucher becomes a link of the chain once, whoever seals and however often."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bridge import voucher_chain
from bridge.model import Voucher, VoucherSeal
from bridge.reports import seals
from bridge.reports.seals import Chain
from bridge.steps import ingest, seal
from tests import engines
from tests.steps.child import job, run_jobs
from tests.steps.place import NOW, Bill, Place


def billed(folder: Path, count: int) -> Place:
    """A place with so many invoices, each with one voucher."""
    place = Place(folder)
    place.bill(*(Bill(number, 100 + number) for number in range(1, count + 1)))
    ingest.run(place.runtime)
    return place


def chain(place: Place) -> Chain:
    with place.runtime.reading() as session:
        return seals.verify(session)


def test_vouchers_become_links_in_their_order(tmp_path: Path) -> None:
    """Numbered 1, 2, 3, each after the one before it; the second run finds nothing."""
    place = billed(tmp_path, 3)
    assert chain(place) == Chain(True, 0, 3, 0, "0" * 64, None, [])
    assert seal.run(place.runtime) == {"sealed": 3, "acts": 0}
    first = place.rows(VoucherSeal)
    assert seal.run(place.runtime) == {"sealed": 0, "acts": 0}

    assert [(row.number, row.voucher_id) for row in first] == [(1, 1), (2, 2), (3, 3)]
    assert [row.prev_hash for row in first] == ["0" * 64, first[0].hash, first[1].hash]
    assert len({row.hash for row in first}) == 3
    assert [row.hash for row in place.rows(VoucherSeal)] == [row.hash for row in first]
    assert chain(place) == Chain(True, 3, 0, 3, first[2].hash, None, [])


def test_a_voucher_that_was_committed_late_comes_last(tmp_path: Path) -> None:
    """One with a lower id, of a worker who was slower, is found by the next run; the chain is whole all the same."""
    place = billed(tmp_path, 4)
    with place.runtime.session() as session:
        voucher_chain.append(session, place.runtime, Voucher, [1, 3, 4])

    assert seal.run(place.runtime) == {"sealed": 1, "acts": 0}
    assert [row.voucher_id for row in place.rows(VoucherSeal)] == [1, 3, 4, 2]
    assert chain(place).ok


def test_a_long_list_is_sealed_in_chunks(tmp_path: Path) -> None:
    """Each chunk is a commit of its own: a sealer that dies after the first leaves a whole chain, and the next one goes on."""
    place = billed(tmp_path, voucher_chain.IN_ONE_UNIT + 20)

    def die(name: str) -> None:
        if name == "seal: after a chunk":
            raise KeyboardInterrupt(name)

    with pytest.raises(KeyboardInterrupt, match="seal: after a chunk"):
        seal.run(replace(place.runtime, fault=die))
    half = chain(place)
    assert (half.ok, half.links, half.not_sealed_yet) == (True, voucher_chain.IN_ONE_UNIT, 20)

    assert seal.run(place.runtime) == {"sealed": 20, "acts": 0}
    assert chain(place).ok


def test_two_sealers_at_once_make_one_chain(tmp_path: Path) -> None:
    """All three read the same vouchers before one appends: each voucher has one link, none is missing, and nobody fails."""
    count = voucher_chain.IN_ONE_UNIT * 3
    place = billed(tmp_path, count)
    place.runtime.engine.dispose()
    [answers] = run_jobs([job(tmp_path, "seal", NOW, meet=("seal: read", 3))] * 3)

    assert [answer["code"] for answer in answers] == [0, 0, 0], answers
    assert engines.name() == engines.SQLITE or all(answer["said"]["met"] for answer in answers)
    assert sum(answer["said"]["did"]["seal"]["sealed"] for answer in answers) == count
    assert sorted(row.voucher_id for row in place.rows(VoucherSeal)) == [row.id for row in place.rows(Voucher)]
    assert chain(place).ok
