"""Before a file is cut the quorum is asked once more: what is not there any more, or cannot be asked, does not leave."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from bridge.errors import Unavailable
from bridge.model import Collection
from bridge.sim.fake_chain import FakeChain, FakeNode, invoice
from bridge.steps import batch, collect, ingest
from tests.steps.place import CHAIN_ID, CONTRACT, Place, mandate_line
from tests.steps.test_ingest_nodes import opened

DUE = int(datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp())
billed = partial(invoice, cents=119_00, address=CONTRACT, debtor_ref=bytes(31) + b"\1", due_date=DUE)


@pytest.fixture
def chain() -> FakeChain:
    made = FakeChain(chain_id=CHAIN_ID, contract=CONTRACT)
    made.mine([billed(1)])
    made.mine_empty(3)
    return made


def ready(folder: Path, *nodes: FakeNode) -> Place:
    """A place that has read the chain and collects from it; nothing is cut yet."""
    place = Place(folder)
    place.rewrite('recorded = "plant-1.jsonl"', 'rpc = ["http://a", "http://b"]\nfinality_alarm_minutes = 0')
    place.open(source=partial(opened, nodes))
    place.mandates(mandate_line(1))
    ingest.run(place.runtime)
    assert collect.run(place.runtime)["opened"] == 1
    return place


def test_a_source_that_stands_is_cut(tmp_path: Path, chain: FakeChain) -> None:
    """The block is there and final: one file."""
    place = ready(tmp_path, FakeNode(chain), FakeNode(chain))
    assert batch.run(place.runtime)["batches"] == 1


def test_a_final_block_that_went_before_the_cut(tmp_path: Path, chain: FakeChain) -> None:
    """T4: reorganised between finality and the file, however final it was: the source is frozen and no file is cut."""
    place = ready(tmp_path, FakeNode(chain), FakeNode(chain))
    chain.reorg(4)
    chain.mine_empty(6)
    assert batch.run(place.runtime)["batches"] == 0

    assert place.breaks() == [("REORG_BELOW_FINAL", "source:1")]
    assert (place.batches(), [row.state for row in place.rows(Collection)]) == ([], ["pending"])
    assert batch.run(place.runtime)["batches"] == 0


def test_finality_that_went_back_before_the_cut(tmp_path: Path, chain: FakeChain) -> None:
    """What was read is not called final any more: it waits, and goes out once it is."""
    place = ready(tmp_path, FakeNode(chain), FakeNode(chain))
    chain.finalized = 0
    assert batch.run(place.runtime)["batches"] == 0
    assert place.breaks() == [("FINALITY_WENT_BACK", "source:1")]

    chain.finalized = 4
    assert batch.run(place.runtime)["batches"] == 1
    assert place.breaks() == []


def test_nodes_that_do_not_answer_before_the_cut(tmp_path: Path, chain: FakeChain) -> None:
    """A late debit is not a wrong one: without a quorum nothing is cut, and the step says which source waits."""
    nodes = FakeNode(chain), FakeNode(chain)
    place = ready(tmp_path, *nodes)
    nodes[1].silent = True
    with pytest.raises(Unavailable, match=r"its debits wait: source 'plant-1': 1 of 2 nodes answered"):
        batch.run(place.runtime)
    assert place.batches() == []

    nodes[1].silent = False
    assert batch.run(place.runtime)["batches"] == 1


def test_nothing_is_asked_where_nothing_waits(tmp_path: Path, chain: FakeChain) -> None:
    """Once the file is cut the nodes are left alone."""
    node = FakeNode(chain)
    place = ready(tmp_path, node, FakeNode(chain))
    batch.run(place.runtime)
    node.asked.clear()
    batch.run(place.runtime)
    assert node.asked == []
