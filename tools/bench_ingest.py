"""Reading a chain: invoices from a real node into PostgreSQL, proven, against the naive way; and the proof's arithmetic alone.

    python tools/bench_ingest.py STAGE FOLDER

Each stage is a process of its own and prints one JSON line. FOLDER holds chain.json: the node's URL, the database's, and how many
blocks of LOGS invoices. ``mine`` makes them with the log mill of contracts/trials, which counts and folds as the contract does.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent), str(ROOT / "contracts")]

from bench_pipeline import CREDITOR_ID, OWN_IBAN, peak_mib  # noqa: E402

LOGS = 100  # in each block, all of one call
DEBTORS = 50
PERIOD_START = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp())
NAIVE_BLOCKS = 100  # in one question: a naive reader's default, and where web3.py does best
PROVEN = 200  # blocks whose proof is computed
GAS = 25_000_000
CONFIG = """\
timezone = "Europe/Berlin"
[database]
url = "{database}"
[[accounts]]
id = "main"
iban = "{iban}"
[[creditors]]
name = "Musterwerk Maschinen GmbH"
creditor_id = "{creditor}"
account = "main"
[[sources]]
name = "plant-1"
creditor = "{creditor}"
chain_id = 31337
contract = "{contract}"
rpc = ["{rpc}"]
verification = "full"
finality_alarm_minutes = 0
"""


def main() -> None:
    stage, folder = sys.argv[1], Path(sys.argv[2])
    act = STAGES[stage](folder, json.loads((folder / "chain.json").read_text("utf-8")))
    started, worked = time.perf_counter(), time.process_time()
    said = act()
    took = {"seconds": round(time.perf_counter() - started, 2), "cpu_seconds": round(time.process_time() - worked, 2)}
    print(json.dumps({**took, "peak_mib": round(peak_mib()), "said": said}))


def mine(folder: Path, chain: dict[str, Any]) -> Callable[[], Any]:
    """Blocks of LOGS invoices each, all of them final; its contract and first block are written to chain.json."""
    import build
    from bridge.sim.chain import ask, create, encoded, node

    def act() -> str:
        mill = build.trials("Trials")["LogMill"]
        provider = node(chain["rpc"])
        contract = create(provider, mill["bytecode"])
        debtors = [bytes((number + 1,)) * 32 for number in range(DEBTORS)]
        data = encoded(mill, "finalizeMany", [LOGS, debtors, PERIOD_START])
        call = {"from": ask(provider, "eth_accounts", [])[0], "to": contract, "data": data, "gas": hex(GAS)}
        ask(provider, "evm_setAutomine", [False])  # else several calls share a block
        for _ in range(chain["blocks"]):
            ask(provider, "eth_sendTransaction", [call])
            ask(provider, "evm_mine", [])
        ask(provider, "anvil_mine", ["0x3"])
        (folder / "chain.json").write_text(json.dumps({**chain, "contract": contract, "abi": mill["abi"]}), "utf-8")
        return f"{chain['blocks']:,} blocks of {LOGS} invoices"

    return act


def ours(folder: Path, chain: dict[str, Any]) -> Callable[[], Any]:
    """``bridge chain sync`` of the whole chain: proven in full, every invoice with its voucher."""
    import web3  # noqa: F401 - which the product imports when it first asks; imports are not what is measured

    from bridge.acts import declare
    from bridge.runtime import build, upgrade, write_keys
    from bridge.steps import ingest

    words = {"database": chain["database"], "iban": OWN_IBAN, "creditor": CREDITOR_ID, "rpc": chain["rpc"]}
    (folder / "bridge.toml").write_text(CONFIG.format(**words, contract=chain["contract"]), "utf-8")
    write_keys(folder / "bridge.keys")
    runtime = build(folder / "bridge.toml")
    upgrade(runtime.engine)
    declare.run(runtime)

    def act() -> Any:
        found = ingest.run(runtime)
        if found != {"logs": chain["blocks"] * LOGS, "invoices": chain["blocks"] * LOGS, "refused": 0}:
            raise SystemExit(f"bench: not every invoice was read: {found}")
        return found

    return act


def naive(_: Path, chain: dict[str, Any]) -> Callable[[], Any]:
    """What one writes in an afternoon: web3.py's get_logs, and its events by SQLAlchemy's executemany into one table."""
    import sqlalchemy as sa
    from web3 import Web3

    web3 = Web3(Web3.HTTPProvider(chain["rpc"]))
    contract = web3.eth.contract(address=Web3.to_checksum_address(chain["contract"]), abi=chain["abi"])
    engine = sa.create_engine(chain["database"])
    numbers = ("invoiceNo", "amountMinor", "periodStart", "periodEnd", "dueDate")
    hashes = ("invoiceId", "debtorRef", "agreementId", "currency", "usageRoot", "documentHash")
    columns = [sa.Column(name, sa.BigInteger) for name in numbers] + [sa.Column(name, sa.LargeBinary) for name in hashes]
    own = [sa.Column("block", sa.BigInteger, primary_key=True), sa.Column("log", sa.BigInteger, primary_key=True)]
    table = sa.Table("naive", sa.MetaData(), *own, *columns)
    table.create(engine)

    def act() -> Any:
        head, stored = web3.eth.block_number, 0
        for first in range(0, head + 1, NAIVE_BLOCKS):
            last = min(first + NAIVE_BLOCKS - 1, head)
            found = contract.events.InvoiceFinalized.get_logs(from_block=first, to_block=last)
            rows = [{"block": one["blockNumber"], "log": one["logIndex"], **one["args"]} for one in found]
            if rows:
                with engine.begin() as connection:
                    connection.execute(table.insert(), rows)
            stored += len(rows)
        if stored != chain["blocks"] * LOGS:
            raise SystemExit(f"bench: not every event was stored: {stored}")
        return stored

    return act


def proof(_: Path, chain: dict[str, Any]) -> Callable[[], Any]:
    """Header, receipts, logs and bloom of blocks computed by us, and by the packages rlp, trie and eth-bloom: seconds."""
    from rlp import encode
    from trie import HexaryTrie

    from bridge.chain import proof as own
    from bridge.sim.chain import ask, node

    provider = node(chain["rpc"])
    numbers = [hex(number) for number in range(2, 2 + min(PROVEN, chain["blocks"]))]
    blocks = [
        (ask(provider, "eth_getBlockByNumber", [number, False]), ask(provider, "eth_getBlockReceipts", [number]))
        for number in numbers
    ]

    def by_packages(header: own.Header, receipts: list[Any]) -> None:
        from eth_bloom import BloomFilter

        encoded, logs, _ = own.receipts_of(header, receipts, chain_id=31337)
        tree = HexaryTrie({})
        for place, one in enumerate(encoded):
            tree.set(encode(place), one)
        items = [item for log in logs for item in (bytes.fromhex(log.address[2:]), *log.topics)]
        if (
            tree.root_hash != header.receipts_root
            or int(BloomFilter.from_iterable(items)).to_bytes(256, "big") != header.logs_bloom
        ):
            raise SystemExit("bench: the packages do not agree with the chain")

    def act() -> Any:
        times: dict[str, list[float]] = {"ours": [], "theirs": []}
        for _ in range(3):
            started = time.perf_counter()
            for block, receipts in blocks:
                own.logs(own.header(block), receipts, chain_id=31337)
            between = time.perf_counter()
            for block, receipts in blocks:
                by_packages(own.header(block), receipts)
            times["ours"].append(between - started)
            times["theirs"].append(time.perf_counter() - between)
        return {"blocks": len(blocks), **{who: min(seconds) for who, seconds in times.items()}}

    return act


STAGES = {"mine": mine, "ours": ours, "naive": naive, "proof": proof}

if __name__ == "__main__":
    main()
