"""A camt.053 of n credits, one detail each, read to records, against lxml's iterparse over the same file reading three.

    python tools/bench_camt053.py N

Both in this process, alternating, median of three; one JSON line. The peak is of a run of ours alone, before the other.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench_pain008 import told
from bench_pipeline import OWN_IBAN, cents, iban_of, peak_mib

from bridge.formats import camt
from bridge.records.camt import StatementEntry

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


def main() -> None:
    n = int(sys.argv[1])
    with TemporaryFile() as file:
        for piece in statement(n):
            file.write(piece.encode())

        def ours() -> None:
            file.seek(0)
            amounts = [entry.amount_cents for entry in camt.read(file) if isinstance(entry, StatementEntry)]
            if (len(amounts), sum(amounts)) != (n, sum(map(cents, range(1, n + 1)))):
                raise SystemExit("bench: not every line was read")

        ours()
        peak = peak_mib()
        print(json.dumps(told(ours, lambda: bare(file), peak, "lxml iterparse of three fields")))


def bare(file: IO[bytes]) -> None:
    """What reading costs at the least: of every Ntry amount, sign and EndToEndId, and nothing kept or checked."""
    from lxml import etree

    file.seek(0)
    within = f"{{{NAMESPACE}}}"
    for _, element in etree.iterparse(file, tag=f"{within}Ntry"):
        element.findtext(f"{within}Amt")
        element.findtext(f"{within}CdtDbtInd")
        element.findtext(f"{within}NtryDtls/{within}TxDtls/{within}Refs/{within}EndToEndId")
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]


def statement(n: int, *, first: int = 1) -> Iterator[str]:
    """The file in pieces; a line as a German bank writes that of a collected debit, from the debit of number ``first`` on."""
    numbers = range(first, first + n)
    total = sum(map(cents, numbers))
    yield (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><BkToCstmrStmt><GrpHdr><MsgId>M-1</MsgId>'
        "<CreDtTm>2026-12-01T20:00:00+01:00</CreDtTm></GrpHdr><Stmt><Id>S-1</Id><ElctrncSeqNb>1</ElctrncSeqNb>"
        f"<Acct><Id><IBAN>{OWN_IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>{balance('OPBD', 0)}{balance('CLBD', total)}\n"
    )
    for number in numbers:
        amount = f'<Amt Ccy="EUR">{euros(cents(number))}</Amt>'
        yield (
            f"<Ntry>{amount}<CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-12-01</Dt></BookgDt>"
            f"<ValDt><Dt>2026-12-01</Dt></ValDt><AcctSvcrRef>2026120112345{number:07d}</AcctSvcrRef><BkTxCd><Domn><Cd>PMNT</Cd><Fmly>"
            "<Cd>IDDT</Cd><SubFmlyCd>ESDD</SubFmlyCd></Fmly></Domn><Prtry><Cd>NDDT+171+9200</Cd><Issr>DK</Issr></Prtry></BkTxCd>"
            f"<NtryDtls><TxDtls><Refs><EndToEndId>plant-1-{number:06d}-1</EndToEndId><MndtId>MND-{number:06d}</MndtId></Refs>{amount}"
            f"<CdtDbtInd>CRDT</CdtDbtInd><RltdPties><Dbtr><Pty><Nm>Debtor {number} GmbH</Nm></Pty></Dbtr><DbtrAcct><Id>"
            f"<IBAN>{iban_of(number)}</IBAN></Id></DbtrAcct></RltdPties><RmtInf><Ustrd>Invoice plant-1-{number:06d} usage"
            " 2026-11-01 to 2026-11-30</Ustrd></RmtInf></TxDtls></NtryDtls><AddtlNtryInf>SEPA-Lastschrift</AddtlNtryInf></Ntry>\n"
        )
    yield "</Stmt></BkToCstmrStmt></Document>\n"


def balance(kind: str, amount_cents: int) -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{euros(amount_cents)}</Amt>'
        "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-12-01</Dt></Dt></Bal>"
    )


def euros(amount_cents: int) -> str:
    return f"{amount_cents // 100}.{amount_cents % 100:02d}"


if __name__ == "__main__":
    main()
