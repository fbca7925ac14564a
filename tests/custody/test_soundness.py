"""Everything that can be said of a file: our own before it is sealed, and anybody's."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest

from bridge.custody import soundness
from bridge.errors import BadInput
from bridge.formats import pain008
from bridge.records.pain008 import DebitFile
from bridge.records.profile import BankProfile
from bridge.rules import scheme
from tests.formats.test_pain008 import FULL, LEGACY, rendered

BANK = BankProfile("a bank", "A bank")
BODY = rendered(FULL)


@pytest.mark.parametrize("file", [FULL, LEGACY])
def test_our_own_files_are_sound_in_every_way(file: DebitFile) -> None:
    """Everything that a file of ours can say, in both versions: by its record, and by its bytes alone."""
    bank = replace(BANK, version=file.version, address="lines" if file is LEGACY else "structured")

    assert soundness.of_record(file, BytesIO(rendered(file)), bank) == []
    assert soundness.of_bytes(rendered(file), bank) == []


# what is changed in the bytes, and the ids of what is found
CASES: list[tuple[str, str, str, str]] = [
    (
        "SDD-101",
        "<BtchBookg>true</BtchBookg><NbOfTxs>2</NbOfTxs><CtrlSum>150.25</CtrlSum>",
        "<NbOfTxs>2</NbOfTxs>",
        "block[1]/CtrlSum",
    ),
    ("SDD-101", "<CtrlSum>250.32</CtrlSum>", "", "file/CtrlSum"),
    ("SDD-102", "<PmtTpInf>", "<PmtTpInf><InstrPrty>HIGH</InstrPrty>", "InstrPrty"),
    ("SDD-103", "<SvcLvl><Cd>SEPA</Cd></SvcLvl>", "<SvcLvl><Prtry>SEPA</Prtry></SvcLvl>", "SvcLvl/Cd"),
    ("SDD-103", "<Cd>CORE</Cd>", "<Cd>COR1</Cd>", "LclInstrm/Cd"),
    ("SDD-103", "<SeqTp>OOFF</SeqTp>", "<SeqTp>RPRE</SeqTp>", "SeqTp"),
    ("SDD-104", "<EndToEndId>INV-1-1</EndToEndId>", "<EndToEndId>INV-1-1</EndToEndId><UETR>{uetr}</UETR>", "UETR"),
    ("SDD-105", 'Ccy="EUR">100.00', 'Ccy="USD">100.00', "InstdAmt"),
    ("SDD-105", ">0.07</InstdAmt>", ">0.00</InstdAmt>", "InstdAmt"),
    ("SDD-105", ">0.07</InstdAmt>", ">0.070</InstdAmt>", "InstdAmt"),
    ("SDD-105", ">0.07</InstdAmt>", ">1000000000.00</InstdAmt>", "InstdAmt"),
    ("SDD-106", "<DtOfSgntr>2026-06-01</DtOfSgntr>", "", "DtOfSgntr"),
    ("SDD-106", "<MndtId>MND-1</MndtId>", "", "MndtId"),
    ("SDD-107", "</MndtRltdInf>", "<ElctrncSgntr>x</ElctrncSgntr></MndtRltdInf>", "ElctrncSgntr"),
    ("SDD-108", "<AmdmntInd>true</AmdmntInd>", "", "AmdmntInd"),
    ("SDD-108", "<AmdmntInd>true</AmdmntInd>", "<AmdmntInd>false</AmdmntInd>", "AmdmntInd"),
    ("SDD-109", "<Othr><Id>SMNDA</Id></Othr>", "<Othr><Id>SMNDX</Id></Othr>", "OrgnlDbtrAcct"),
    ("SDD-109", "<OrgnlDbtrAcct><Id><Othr><Id>SMNDA</Id></Othr></Id></OrgnlDbtrAcct>", "{smnda}", "OrgnlDbtrAgt"),
    ("SDD-109", "</OrgnlDbtrAcct>", "</OrgnlDbtrAcct>{bank}", "OrgnlDbtrAgt"),
    ("SDD-110", "<DbtrAgt><FinInstnId><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></DbtrAgt>", "{empty}", "DbtrAgt"),
    ("SDD-110", "<BICFI>POFICHBEXXX</BICFI>", "<BICFI>POFICHBEXXX</BICFI><Othr><Id>NOTPROVIDED</Id></Othr>", "DbtrAgt"),
    ("SDD-111", "<SchmeNm><Prtry>SEPA</Prtry></SchmeNm>", "", "SchmeNm"),
    ("SDD-112", "<Nm>Schneider AG</Nm>", f"<Nm>{'x' * 71}</Nm>", "Dbtr/Nm"),
    ("SDD-112", "<Nm>Schneider AG</Nm>", "", "Dbtr/Nm"),
    ("SDD-113", "<Ctry>CH</Ctry>", "", "Ctry"),
    ("SDD-113", "<Ctry>CH</Ctry>", "<Ctry>CH</Ctry><AdrLine>a</AdrLine><AdrLine>b</AdrLine><AdrLine>c</AdrLine>", "AdrLine"),
    ("SDD-114", "<DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id>", "{account}", "DbtrAcct"),
    ("SDD-115", "<Purp><Cd>RENT</Cd></Purp>", "<Purp><Prtry>RENT</Prtry></Purp>", "Purp"),
    ("SDD-116", "<RmtInf><Ustrd>", "<RmtInf><Ustrd>one</Ustrd><Ustrd>", "Ustrd"),
    ("SDD-117", "<RmtInf><Strd>", "<RmtInf><Ustrd>text</Ustrd><Strd>", "Ustrd"),
    ("SDD-118", "<Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp>", "", "Tp"),
    ("SDD-118", "<Cd>SCOR</Cd>", "<Cd>RPIN</Cd>", "Tp"),
    ("SDD-119", "<ChrgBr>SLEV</ChrgBr>", "<ChrgBr>SHAR</ChrgBr>", "ChrgBr"),
    ("SDD-120", "<Ustrd>Rechnung INV-1 Maschine 7, 11/2026</Ustrd>", "<Ustrd>   </Ustrd>", "Ustrd"),
    ("SDD-121", "</InitgPty>", "<Id><OrgId><Othr><Id>x</Id></Othr></OrgId></Id></InitgPty>", "InitgPty"),
    ("SDD-018", "<CdtrSchmeId>{scheme}</CdtrSchmeId>", "", "creditor_id"),
    ("SDD-019", "DE89370400440532013000", "DE88370400440532013000", "debtor_iban"),
    ("SUM", "<CtrlSum>250.32</CtrlSum>", "<CtrlSum>250.33</CtrlSum>", "file"),
    ("SUM", "<CtrlSum>150.25</CtrlSum>", "<CtrlSum>150.26</CtrlSum>", "block[1]"),
    ("SDD-008", "<EndToEndId>INV-1-1</EndToEndId>", "<EndToEndId>INV//1</EndToEndId>", "end_to_end_id"),
    ("SDD-008", "<EndToEndId>INV-1-1</EndToEndId>", "<EndToEndId>ÄNV-1-1</EndToEndId>", "end_to_end_id"),
    ("SDD-009", "<EndToEndId>INV-1-1</EndToEndId>", "<EndToEndId>INV-2-1</EndToEndId>", "end_to_end_id"),
    ("BNK-007", "<Ctry>CH</Ctry>", "<Ctry>CH</Ctry><AdrLine>Hinterhaus</AdrLine>", "debtor_address"),
    ("ISO", "<SeqTp>RCUR</SeqTp>", "<SeqTp>WHEN</SeqTp>", "line"),
]
WORDS = {
    "{uetr}": "8a562c67-ca16-48ba-b074-65581be6f001",
    "{smnda}": "<OrgnlDbtrAgt><FinInstnId><Othr><Id>SMNDA</Id></Othr></FinInstnId></OrgnlDbtrAgt>",
    "{bank}": "<OrgnlDbtrAgt><FinInstnId><BICFI>POFICHBEXXX</BICFI></FinInstnId></OrgnlDbtrAgt>",
    "{empty}": "<DbtrAgt><FinInstnId/></DbtrAgt>",
    "{account}": "<DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy>",
    "{scheme}": "<Id><PrvtId><Othr><Id>DE98ZZZ09999999999</Id><SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId></Id>",
}


def changed(before: str, after: str) -> bytes:
    """The file of everything with the first place of ``before`` changed."""
    for name, words in WORDS.items():
        before, after = before.replace(name, words), after.replace(name, words)
    assert before.encode() in BODY, before
    return BODY.replace(before.encode(), after.encode(), 1)


@pytest.mark.parametrize(("id_", "before", "after", "place"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_what_a_schema_lets_through_is_found_in_anybodys_file(id_: str, before: str, after: str, place: str) -> None:
    """Each change is named by its rule and place, and no finding repeats a name, an account or a text of the file."""
    found = soundness.of_bytes(changed(before, after), BANK)

    assert [one for one in found if one.id == id_ and place in one.path], found
    told = repr(found)
    assert not any(word in told for word in ("Schneider", "Erika", "37040044053201", "Maschine 7", "ÄNV"))


def test_every_rule_of_a_message_has_a_case() -> None:
    """No rule over bytes is without a file that breaks it."""
    assert {case[0] for case in CASES} >= {rule.id for rule in scheme.RULES.values() if rule.of == "message"}


def test_another_scheme_for_each_block_is_found() -> None:
    """CORE and B2B in one file."""
    assert [one.id for one in soundness.of_bytes(changed("<Cd>CORE</Cd>", "<Cd>B2B</Cd>"), BANK)] == ["SDD-001"]


def test_a_file_larger_than_the_bank_takes() -> None:
    """Bytes are counted as they are."""
    small = replace(BANK, bytes_max=len(BODY) - 1)

    assert [one.id for one in soundness.of_bytes(BODY, small)] == ["SIZE"]
    assert [one.id for one in soundness.of_record(FULL, BytesIO(BODY), small)] == ["SIZE"]
    assert soundness.of_record(FULL, BytesIO(BODY), replace(BANK, bytes_max=len(BODY))) == []


@pytest.mark.parametrize("body", [b"", b"hello", b"<!DOCTYPE a><a/>", BODY.replace(b"pain.008.001.08", b"pain.001.001.09")])
def test_what_is_no_debit_file_is_refused(body: bytes) -> None:
    """No XML, a DOCTYPE, another message: nothing is said of rules."""
    with pytest.raises(BadInput):
        soundness.of_bytes(body, BANK)


def test_another_file_than_planned_is_not_sealed() -> None:
    """A writer that loses a debit, or its twin that is not asked: the count and sepaxml both find it."""
    out = BytesIO()
    pain008.write(replace(FULL, blocks=FULL.blocks[:2]), out)

    assert {one.id for one in soundness.of_record(FULL, out, BANK)} == {"PLAN", "SECOND"}
