"""What ingest does with nodes that lie, lag, disagree or change their minds: every invoice once, and people are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.acts import resolve
from bridge.chain import open_source
from bridge.errors import NotAllowed, Unavailable
from bridge.model import Break, Cursor, Invoice
from bridge.settings import SourceSettings
from bridge.sim import fake_chain
from bridge.sim.fake_chain import GENESIS_AT, FakeChain, FakeNode, invoice
from bridge.steps import collect, ingest
from tests.steps.place import CHAIN_ID, CONTRACT, Place


@pytest.fixture
def chain() -> FakeChain:
    """Nine blocks; every third has an invoice: 3, 6 and 9."""
    made = FakeChain(chain_id=CHAIN_ID, contract=CONTRACT)
    for number in range(1, 10):
        made.mine(*([[billed(number // 3)]] if number % 3 == 0 else []))
    return made


billed = partial(invoice, cents=119_00, address=CONTRACT)


def at(folder: Path, *nodes: FakeNode, minutes: int = 5) -> Place:
    """A place that reads these nodes in full, so many minutes after the last block."""
    place = Place(folder, now=datetime.fromtimestamp(GENESIS_AT, UTC) + timedelta(minutes=minutes))
    place.rewrite('recorded = "plant-1.jsonl"', f"rpc = {[f'http://{number}' for number in range(len(nodes))]}")
    place.open(source=partial(opened, nodes))
    return place


def opened(nodes: tuple[FakeNode, ...], settings: SourceSettings) -> Any:
    proof, quorum = settings.profile, settings.agreeing
    return open_source(name=settings.name, chain_id=CHAIN_ID, contract=CONTRACT, rpc=nodes, verification=proof, quorum=quorum)


def numbers(place: Place) -> list[int]:
    return [row.invoice_no for row in place.rows(Invoice)]


def test_a_node_that_drops_logs_is_named_and_costs_nothing(tmp_path: Path, chain: FakeChain) -> None:
    """The other node's answer is proven and used; the liar stays on the list of what people must look at until one did."""
    liar = FakeNode(chain, host="liar", drop="all", also_in_receipts=True)
    place = at(tmp_path, liar, FakeNode(chain, host="honest"))
    assert ingest.run(place.runtime) == {"logs": 3, "invoices": 3, "refused": 0}
    assert numbers(place) == [1, 2, 3]
    assert place.breaks() == [("NODE_DISPUTE", "node:plant-1:liar (1)")]

    [found] = place.rows(Break)
    assert found.what.startswith("node liar (1) of plant-1: ")
    resolve.run(place.runtime, "anna", found.id, "replaced the node")
    assert place.breaks() == []


def test_without_a_quorum_nothing_moves(tmp_path: Path, chain: FakeChain) -> None:
    """T16: one node has a forged chain, another does not answer: no invoice, no cursor, and the run says so."""
    forged = FakeChain(chain_id=CHAIN_ID, contract=CONTRACT)
    for number in range(1, 10):
        forged.mine([billed(number, cents=9_999_99)])
    silent = FakeNode(chain, silent=True)
    place = at(tmp_path, FakeNode(forged, host="forger"), silent, FakeNode(chain, host="honest"))
    with pytest.raises(Unavailable, match="the nodes do not agree on block 9"):
        ingest.run(place.runtime)
    assert (place.rows(Invoice), place.rows(Cursor)) == ([], [])

    silent.silent = False
    assert ingest.run(place.runtime)["invoices"] == 3
    assert place.breaks() == [("NODE_DISPUTE", "node:plant-1:forger (1)")]


@pytest.mark.parametrize("lie", ["drop", "forged"])
def test_where_no_node_can_prove_it_the_cursor_stays(tmp_path: Path, chain: FakeChain, lie: str) -> None:
    """T14, T15: both drop or add the same log: it does not hash, so it is no evidence however many say it."""
    changed: dict[str, Any] = {"drop": 0} if lie == "drop" else {"forged": billed(77)}
    nodes = [FakeNode(chain, host=f"{number}", also_in_receipts=True) for number in (1, 2)]
    place = at(tmp_path, *nodes)
    chain.finalized = 4
    ingest.run(place.runtime)
    chain.finalized = 9
    for node in nodes:
        for name, value in changed.items():
            setattr(node, name, value)
    with pytest.raises(Unavailable, match="no node proves what it says"):
        ingest.run(place.runtime)

    assert numbers(place) == [1]
    assert place.rows(Cursor)[0].block_number == 4


def test_finality_that_goes_back_freezes_the_source(tmp_path: Path, chain: FakeChain) -> None:
    """T8: all nodes call an older block the last final one; nothing is collected until what was read is final again."""
    place = at(tmp_path, FakeNode(chain), FakeNode(chain))
    place.mandates()
    ingest.run(place.runtime)
    chain.finalized = 5
    ingest.run(place.runtime)
    assert place.breaks() == [("FINALITY_WENT_BACK", "source:1")]
    assert collect.run(place.runtime)["opened"] == 0
    with pytest.raises(NotAllowed, match="closes by itself"):
        resolve.run(place.runtime, "anna", place.rows(Break)[0].id, "all right")

    chain.finalized = 9
    ingest.run(place.runtime)
    assert place.breaks() == []


def test_finality_that_stands_still_is_told(tmp_path: Path, chain: FakeChain) -> None:
    """T7: the head grows and no block becomes final; after a while people are told, and the telling ends by itself."""
    place = at(tmp_path, FakeNode(chain), FakeNode(chain), minutes=5)
    ingest.run(place.runtime)
    chain.mine_empty(1000, final=False)
    place.now += timedelta(minutes=200)
    ingest.run(place.runtime)
    assert place.breaks() == [("FINALITY_STALLED", "finality:1")]
    assert numbers(place) == [1, 2, 3]

    chain.finalized = 1009
    ingest.run(place.runtime)
    assert place.breaks() == []


def test_a_final_block_that_is_another_one_freezes_the_source(tmp_path: Path, chain: FakeChain) -> None:
    """T4, T10: below the last final block that was read the chain is another one, found at the next start by its hash."""
    place = at(tmp_path, FakeNode(chain), FakeNode(chain))
    ingest.run(place.runtime)
    chain.reorg(4)
    for _ in range(5):
        chain.mine([billed(3, cents=1)])
    ingest.run(place.runtime)

    assert place.breaks() == [("REORG_BELOW_FINAL", "source:1")]
    assert numbers(place) == [1, 2, 3]
    assert place.rows(Cursor)[0].block_number == 9


def test_a_reorganisation_of_what_is_not_final_is_never_seen(tmp_path: Path, chain: FakeChain) -> None:
    """T1, T2: an invoice in a block that is not final is none yet; mined again elsewhere it becomes one, once."""
    chain.mine([billed(4)], final=False)
    place = at(tmp_path, FakeNode(chain), FakeNode(chain))
    ingest.run(place.runtime)
    assert numbers(place) == [1, 2, 3]

    chain.reorg(1)
    chain.mine()
    chain.mine([billed(4, cents=5_00)])
    ingest.run(place.runtime)
    assert [(row.invoice_no, row.amount_cents) for row in place.rows(Invoice)][3:] == [(4, 5_00)]
    assert place.breaks() == []


def test_nothing_is_final_before_it_is_said(tmp_path: Path, chain: FakeChain) -> None:
    """finalized is null: no invoice, no cursor, no error."""
    chain.finalized = None
    place = at(tmp_path, FakeNode(chain), FakeNode(chain))
    assert ingest.run(place.runtime) == {"logs": 0, "invoices": 0, "refused": 0}
    assert place.rows(Cursor) == []


class Turning(FakeNode):
    """A node whose chain is reorganised, twice, while it is asked for a block."""

    def __init__(self, chain: FakeChain, block: int, depth: int) -> None:
        super().__init__(chain, host="turning")
        self.block, self.depth, self.turned = hex(block), depth, False

    def make_request(self, method: Any, params: Any, /) -> Any:
        if params[:1] == [self.block] and not self.turned:
            self.turned = True
            for cents in (7_00, 5_00):
                self.chain.reorg(self.depth)
                self.chain.mine([billed(4, cents=cents)])
                self.chain.mine_empty(self.depth - 1)
        return super().make_request(method, params)


def test_a_reorganisation_in_the_middle_of_reading(tmp_path: Path, chain: FakeChain) -> None:
    """T11: twice, while a range is read: half of one chain and half of another leads to no head, and nothing of it is used."""
    place = at(tmp_path, Turning(chain, block=15, depth=10), FakeNode(chain, host="other"))
    ingest.run(place.runtime)
    chain.mine([billed(4, cents=9_00)])
    chain.mine_empty(9)
    with pytest.raises(Unavailable, match=r"the nodes do not agree|no node proves"):
        ingest.run(place.runtime)
    assert (numbers(place), place.rows(Cursor)[0].block_number) == ([1, 2, 3], 9)

    ingest.run(place.runtime)
    assert [(row.invoice_no, row.amount_cents) for row in place.rows(Invoice)][3:] == [(4, 5_00)]


def test_the_clock_decides_nothing_but_the_hold(tmp_path: Path, chain: FakeChain) -> None:
    """T30: a worker a day early or late makes the same invoices, due on the same days; only how long they are held differs."""
    made = []
    for day in (-1, 0, 1):
        place = at(tmp_path / f"day{day}", FakeNode(chain), FakeNode(chain, host="other"))
        place.now += timedelta(days=day)
        ingest.run(place.runtime)
        made.append([(row.number, row.due_on, row.period_start, row.amount_cents) for row in place.rows(Invoice)])
    assert made[0] == made[1] == made[2]
    assert len(made[0]) == 3


def test_a_block_older_than_its_parent_is_refused(tmp_path: Path, chain: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """T30: equal times are a chain's own business; time that goes back is none, whoever names the block."""
    place = at(tmp_path, FakeNode(chain), FakeNode(chain, host="other"))
    ingest.run(place.runtime)
    chain.mine([billed(4)])
    monkeypatch.setattr(fake_chain, "GENESIS_AT", GENESIS_AT - 3_600)
    chain.mine()
    with pytest.raises(Unavailable, match="block 11 is older than the block before it"):
        ingest.run(place.runtime)
    assert place.rows(Cursor)[0].block_number == 9


def test_the_cursor_names_its_block_by_its_hash(tmp_path: Path, chain: FakeChain) -> None:
    """T31: a number alone is no place in a chain; after every range the cursor has the hash of its last block."""
    place = at(tmp_path, FakeNode(chain), FakeNode(chain, host="other"))
    for final in (2, 5, 9):
        chain.finalized = final
        ingest.run(place.runtime)
        [cursor] = place.rows(Cursor)
        assert (cursor.block_number, "0x" + cursor.block_hash.hex()) == (final, chain.blocks[final].header["hash"])


# ---- ranges --------------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 30_000), st.lists(st.integers(0, 20_000), min_size=1, max_size=50))
def test_the_ranges_together_are_all_blocks(head: int, logs: list[int]) -> None:
    """T12, T44: however many logs the ranges have, each block is in exactly one of them, and none is larger than allowed."""
    span, first, scanned = ingest.BLOCKS_FIRST, 0, []
    while first <= head:
        last = min(first + span - 1, head)
        scanned.append((first, last))
        span = ingest.next_span(span, logs[len(scanned) % len(logs)])
        assert 1 <= span <= ingest.BLOCKS_MAX
        first = last + 1
        if len(scanned) > 5_000:
            return
    assert scanned[0][0] == 0
    assert scanned[-1][1] == head
    assert all(one[1] + 1 == other[0] for one, other in pairwise(scanned))


def test_a_range_grows_where_little_happens() -> None:
    """Twice as many blocks after few logs, half as many after many, at least one."""
    assert [ingest.next_span(100, logs) for logs in (0, 499, 500, 10_000, 10_001)] == [200, 200, 100, 100, 50]
    assert (ingest.next_span(4_000, 0), ingest.next_span(1, 10_001)) == (5_000, 1)
