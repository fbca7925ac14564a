from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bridge.chain import ChainSource, open_source
from bridge.chain.decoders import decode
from bridge.errors import BadInput, ConfigError
from bridge.records.invoice_log import Head
from tests.chain.invoices import CHAIN_ID, CONTRACT, OCTOBER, line, raw_log


def recorded(folder: Path, *lines: dict[str, Any] | str) -> ChainSource:
    path = folder / "logs.jsonl"
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
    return open_source(name="plant-1", chain_id=CHAIN_ID, contract=CONTRACT, recorded=path)


def later(**changed: Any) -> dict[str, Any]:
    return line(**{"blockNumber": 101, "blockHash": "0x" + "ab" * 32, "blockTimestamp": OCTOBER + 72, **changed})


def test_a_line_becomes_a_raw_log(tmp_path: Path) -> None:
    """A line as eth_getLogs returns it, with its block's time, is read field by field."""
    source = recorded(tmp_path, line())

    assert source.logs(0, 1000) == [raw_log()]
    assert decode(source.logs(0, 1000)[0]).invoice_no == 7


def test_numbers_may_be_hex_or_plain(tmp_path: Path) -> None:
    """Numbers may stand as hex strings or as plain integers, addresses in either case."""
    plain = line(
        blockNumber=100, blockTimestamp=OCTOBER + 60, transactionIndex=2, logIndex=5, address=CONTRACT.upper().replace("X", "x")
    )

    assert recorded(tmp_path, plain).logs(100, 100) == [raw_log()]


def test_the_last_block_is_final(tmp_path: Path) -> None:
    """The final head is the last block in the file, nothing is known beyond it, and there is no proof."""
    source = recorded(tmp_path, later(), line())
    last = Head(number=101, hash=bytes.fromhex("ab" * 32), timestamp=OCTOBER + 72)

    assert source.final_head() == last
    assert source.head_at(100) == Head(number=100, hash=bytes.fromhex("aa" * 32), timestamp=OCTOBER + 60)
    assert source.head_at(101) == last
    assert source.head_at(102) is None
    assert source.completeness(last) is None


def test_a_cursor_may_rest_between_the_logs(tmp_path: Path) -> None:
    """A block without a log is stood for by the last one before it; when a line below it changes, its hash does too."""
    far = line(blockNumber=5000, blockHash="0x" + "ad" * 32, blockTimestamp=OCTOBER + 9000)
    source = recorded(tmp_path, line(), later(), far)

    assert source.head_at(99) == Head(number=99, hash=bytes(32), timestamp=0)
    assert source.head_at(100) == Head(number=100, hash=bytes.fromhex("aa" * 32), timestamp=OCTOBER + 60)
    assert source.head_at(1000) == Head(number=1000, hash=bytes.fromhex("ab" * 32), timestamp=OCTOBER + 72)
    changed = recorded(tmp_path, line(), later(blockHash="0x" + "ac" * 32), far)
    assert changed.head_at(1000) == Head(number=1000, hash=bytes.fromhex("ac" * 32), timestamp=OCTOBER + 72)


def test_an_empty_file_has_nothing_final(tmp_path: Path) -> None:
    """Without a line nothing is final, and that is no error."""
    source = recorded(tmp_path)

    assert source.final_head() is None
    assert source.logs(0, 10) == []


def test_order_and_range(tmp_path: Path) -> None:
    """Logs come by block and log index whatever their order in the file; both ends of the range belong to it."""
    source = recorded(tmp_path, later(logIndex="0x1"), line(logIndex="0x9"), later(logIndex="0x0"), line())

    assert [(log.block_number, log.log_index) for log in source.logs(100, 101)] == [(100, 5), (100, 9), (101, 0), (101, 1)]
    assert [(log.block_number, log.log_index) for log in source.logs(101, 101)] == [(101, 0), (101, 1)]
    assert source.logs(102, 200) == []


def test_a_line_that_stands_twice_counts_once(tmp_path: Path) -> None:
    """The same log appended twice is one log."""
    assert len(recorded(tmp_path, line(), "", line()).logs(0, 1000)) == 1


def test_other_events_of_the_contract_are_left_out(tmp_path: Path) -> None:
    """An event without a decoder moves the final head and is not delivered."""
    source = recorded(tmp_path, line(), later(topics=["0x" + "99" * 32, "0x" + "11" * 32]))

    assert len(source.logs(0, 1000)) == 1
    head = source.final_head()
    assert head is not None
    assert head.number == 101


def test_lines_appended_later_are_seen(tmp_path: Path) -> None:
    """A file that grew is read again."""
    source = recorded(tmp_path, line())
    assert len(source.logs(0, 1000)) == 1
    recorded(tmp_path, line(), later())
    os.utime(tmp_path / "logs.jsonl", ns=(1, 1))

    assert len(source.logs(0, 1000)) == 2


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("{", "no JSON"),
        ('{"address": "0x00', "no JSON"),
        ("[1, 2]", "the log has no address"),
        ("null", "the log has no address"),
        (line(blockTimestamp=None), "no blockTimestamp"),
        (line(blockNumber=None), "no blockNumber"),
        (line(blockHash=None, data=None), "no data, blockHash"),
        (line(removed=True), "removed by a reorganisation"),
        (line(removed="yes"), "removed by a reorganisation"),
        (line(address="0x00000000000000000000000000000000000000c1"), "not of 0x0000"),
        (line(address="0xc0"), "address has 1 bytes instead of 20"),
        (line(topics="0x" + "11" * 32), "topics is"),
        (line(topics=["0x11"]), "a topic has 1 bytes instead of 32"),
        (line(topics=["0x" + "11" * 32] * 5), "at most four"),
        (line(data="0x123"), "data is '0x123'"),
        (line(data="zz"), "data is 'zz'"),
        (line(data="0xzz"), "data is '0xzz'"),
        (line(data="1234"), "data is '1234'"),
        (line(data="0x12 34"), "data is '0x12 34'"),
        (line(blockNumber="0x1_0"), "blockNumber is '0x1_0'"),
        (line(data=5), "data is 5"),
        (line(blockHash="0x" + "aa" * 31), "blockHash has 31 bytes instead of 32"),
        (line(blockNumber="100"), "blockNumber is '100'"),
        (line(blockNumber=1.5), "blockNumber is 1.5"),
        (line(blockNumber=True), "blockNumber is True"),
        (line(logIndex=-1), "logIndex is -1"),
        (line(logIndex="0x8000000000000000"), "outside 0"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(tmp_path: Path, bad: dict[str, Any] | str, why: str) -> None:
    """A line that is no log of the contract refuses the file, naming the line and the reason."""
    source = recorded(tmp_path, line(), "", bad)

    with pytest.raises(BadInput, match=rf"logs\.jsonl, line 3: .*{why}"):
        source.logs(0, 1000)
    with pytest.raises(BadInput):
        source.final_head()


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A line that is no UTF-8 is refused by its number."""
    source = recorded(tmp_path, line())
    with (tmp_path / "logs.jsonl").open("ab") as file:
        file.write(b"\xff\xfe\x00\n")

    with pytest.raises(BadInput, match=r"line 2: this is no UTF-8"):
        source.logs(0, 1000)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (line(logIndex="0x6", blockHash="0x" + "cc" * 32), "two hashes or two times"),
        (line(logIndex="0x6", blockTimestamp=OCTOBER + 61), "two hashes or two times"),
        (line(data="0x"), "two different logs of index 5"),
    ],
)
def test_two_histories_in_one_file_are_refused(tmp_path: Path, second: dict[str, Any], why: str) -> None:
    """One block has one hash and one time, one place in it one log; anything else mixes two histories."""
    with pytest.raises(BadInput, match=why):
        recorded(tmp_path, line(), second).logs(0, 1000)


def test_a_missing_file_is_a_matter_of_configuration(tmp_path: Path) -> None:
    """A path that leads nowhere says so, with the source and the path."""
    source = open_source(name="plant-1", chain_id=CHAIN_ID, contract=CONTRACT, recorded=tmp_path / "none.jsonl")

    with pytest.raises(ConfigError, match=r"'plant-1'.*none\.jsonl"):
        source.final_head()
