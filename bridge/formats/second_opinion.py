"""sepaxml builds the same collections on its own, and both files must agree element by element. The only door to sepaxml.

What sepaxml 2.7 can express, and therefore says:
    GrpHdr        InitgPty/Nm, and how a sum is written
    PmtInf        PmtMtd, NbOfTxs, CtrlSum, PmtTpInf (SvcLvl, LclInstrm, SeqTp), ReqdColltnDt, Cdtr/Nm, CdtrAcct, CdtrAgt (BICFI
                  or NOTPROVIDED), ChrgBr, CdtrSchmeId; BtchBookg where it is true
    DrctDbtTxInf  EndToEndId, InstdAmt with Ccy, MndtId, DtOfSgntr, DbtrAgt (BICFI or NOTPROVIDED), Dbtr/Nm,
                  Dbtr/PstlAdr, DbtrAcct, RmtInf/Ustrd
What it cannot: MsgId and PmtInfId (random in sepaxml), CreDtTm (its own clock, without a zone), BtchBookg where it is false or
left out, UltmtDbtr. These are compared with the record. InitgPty/Id, which sepaxml always sends, must not be there. So no element
of the file is left unread, and none may stand in another place.

sepaxml groups by sequence and due date alone and knows one creditor, so each of our blocks is one SepaDD of its own. Its
``clean`` (unidecode) is off: text is SEPA text before either writer sees it.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from lxml import etree

from bridge.formats import safe_xml
from bridge.formats.pain008 import READABLE
from bridge.records.pain008 import Address, Amendment, DebitBlock, DebitFile, DebitLine

SAMPLE_SIZE = 1_000

# A leaf of an element: its path of local names, and its text with the currency, if any.
Leaf = tuple[str, str]
# A debit: its block and its place in that block, both from 0.
Place = tuple[int, int]

_BATCH_BOOKING = "PmtInf/BtchBookg"
_MANDATE = "DrctDbtTxInf/DrctDbtTx/MndtRltdInf"
NOT_PROVIDED = "NOTPROVIDED"
_NO_BIC = ("PmtInf/CdtrAgt/FinInstnId/BIC", NOT_PROVIDED)


def compare_with_sepaxml(file: DebitFile, data: bytes | BinaryIO, *, sample_above: int = 10_000) -> list[str]:
    """Say where the bytes differ from what sepaxml makes of the same record; an empty list means that both agree.

    Up to ``sample_above`` debits everything is compared; beyond that every head, number and order of all EndToEndIds, and
    SAMPLE_SIZE debits, chosen by the sha256 of the data. A difference names the block or EndToEndId and the element, never
    a value. Raises BadInput if the bytes cannot be read.
    """
    if not file.blocks or not all(block.debits for block in file.blocks):
        return ["file: the batch is empty, or a block of it is"]
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    ours = _Ours(_chosen(file, stream) if file.count > sample_above else None)
    stream.seek(0)
    ours.read(stream)
    return [*_headers(file, ours), *_blocks(file, ours)]


class _Ours:
    """What stands in the bytes: leaves of the header, of each block's head and of the chosen debits, and all EndToEndIds."""

    def __init__(self, chosen: frozenset[Place] | None) -> None:
        self.chosen = chosen
        self.header: list[Leaf] = []
        self.heads: list[list[Leaf]] = []
        self.ids: list[list[str]] = []
        self.debits: list[dict[int, list[Leaf]]] = []
        self._ids: list[str] = []
        self._debits: dict[int, list[Leaf]] = {}

    def read(self, stream: BinaryIO) -> None:
        events = safe_xml.open_events(stream, tags=("GrpHdr", "PmtInf", "DrctDbtTxInf"), known=READABLE)
        for event, element in events:
            if event == "end":
                self._take(element)
                safe_xml.drop(element)

    def is_chosen(self, place: Place) -> bool:
        """Whether the debit at this place is compared in full."""
        return self.chosen is None or place in self.chosen

    def _take(self, element: etree._Element) -> None:
        name = safe_xml.local_name(element)
        if name == "GrpHdr":
            self.header += safe_xml.leaves(element)
        elif name == "PmtInf":
            self.heads.append([leaf for leaf in safe_xml.leaves(element) if not leaf[0].startswith("PmtInf/DrctDbtTxInf")])
            self.ids.append(self._ids)
            self.debits.append(self._debits)
            self._ids, self._debits = [], {}
        else:
            if self.is_chosen((len(self.heads), len(self._ids))):
                self._debits[len(self._ids)] = safe_xml.leaves(element)
            self._ids.append(safe_xml.text(element, "PmtId/EndToEndId") or "")


def _headers(file: DebitFile, ours: _Ours) -> Iterator[str]:
    """The group header; count and sum of the file are added up here once more."""
    expected = [
        ("GrpHdr/MsgId", file.message_id),
        ("GrpHdr/CreDtTm", _instant(file.created_at)),
        ("GrpHdr/NbOfTxs", str(file.count)),
        ("GrpHdr/CtrlSum", _euro(file.control_sum_cents)),
        ("GrpHdr/InitgPty/Nm", _initiator(file)),
    ]
    yield from (f"header: {difference}" for difference in _differences(expected, ours.header))
    if len(file.blocks) != len(ours.heads):
        yield f"file: {len(ours.heads)} blocks instead of {len(file.blocks)}"


def _blocks(file: DebitFile, ours: _Ours) -> Iterator[str]:
    # Fewer or more blocks than there should be are a difference already.
    found = zip(file.blocks, ours.heads, ours.ids, ours.debits, strict=False)
    for number, (block, head, ids, debits) in enumerate(found, start=1):
        chosen = [place for place in range(len(block.debits)) if ours.is_chosen((number - 1, place))]
        wrong = list(_ids(block, ids))
        yield from (f"block {number}: {difference}" for difference in wrong)
        if not wrong:
            yield from _block(file, number, chosen, head, debits)


def _ids(block: DebitBlock, ids: list[str]) -> Iterator[str]:
    """Missing, extra and moved debits, by EndToEndId. An extra one is named by its place: its id is a stranger's text."""
    expected = [debit.end_to_end_id for debit in block.debits]
    if ids == expected:
        return
    missing, extra = Counter(expected) - Counter(ids), Counter(ids) - Counter(expected)
    yield from (f"E2E {end_to_end_id}: is not in the file" for end_to_end_id in missing)
    yield from (f"debit {place} of the file is not in the batch" for place, found in enumerate(ids, start=1) if found in extra)
    if not missing and not extra:
        yield "the debits stand in another order"


def _block(file: DebitFile, number: int, chosen: list[int], head: list[Leaf], debits: dict[int, list[Leaf]]) -> Iterator[str]:
    block = file.blocks[number - 1]
    expected_head, expected = _sepaxml(file, block, chosen)
    yield from (f"block {number}: {difference}" for difference in _differences(expected_head, head))
    for place, wanted in zip(chosen, expected, strict=True):
        found = debits.get(place, [])
        yield from (f"E2E {block.debits[place].end_to_end_id}: {difference}" for difference in _differences(wanted, found))


def _differences(expected: list[Leaf], found: list[Leaf]) -> Iterator[str]:
    if expected == found:
        return
    if sorted(expected) == sorted(found):
        yield "the elements stand in another order"
        return
    wanted, present = _by_path(expected), _by_path(found)
    for path in dict.fromkeys([*wanted, *present]):
        if wanted.get(path) != present.get(path):
            yield f"{path.partition('/')[2]} {_how(wanted.get(path), present.get(path))}"


def _how(wanted: list[str] | None, present: list[str] | None) -> str:
    if present is None:
        return "is missing"
    return "should not be there" if wanted is None else "differs"


def _by_path(leaves: list[Leaf]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for path, text in leaves:
        grouped.setdefault(path, []).append(text)
    return grouped


def _chosen(file: DebitFile, data: BinaryIO) -> frozenset[Place]:
    """SAMPLE_SIZE places of the file, derived from the data: a rerun agrees, and whoever changes the data changes them."""
    places = [(number, place) for number, block in enumerate(file.blocks) for place in range(len(block.debits))]
    data.seek(0)
    digest = hashlib.sha256()
    while piece := data.read(1 << 20):
        digest.update(piece)
    seed = digest.digest()
    chosen: set[Place] = set()
    turn = 0
    while len(chosen) < min(SAMPLE_SIZE, len(places)):
        drawn = int.from_bytes(hashlib.sha256(seed + turn.to_bytes(8, "big")).digest()[:8], "big")
        chosen.add(places[drawn % len(places)])
        turn += 1
    return frozenset(chosen)


# ---- sepaxml -------------------------------------------------------------------------------------------------------------------


def _sepaxml(file: DebitFile, block: DebitBlock, chosen: list[int]) -> tuple[list[Leaf], list[list[Leaf]]]:
    """The head of the block and the chosen debits, in their order, as sepaxml writes them."""
    builder = _builder(file, block, block.creditor_name)
    # A block needs a debit to have a head; without a chosen one, the first lends itself and is not compared.
    for place in chosen or [0]:
        builder.add_payment(_payment(block, block.debits[place]))
    root = etree.fromstring(builder.export(validate=False))
    blocks = root.findall(".//{*}PmtInf")
    if len(blocks) != 1:
        raise ValueError("sepaxml made several blocks of one")
    debits = [safe_xml.leaves(child) for child in blocks[0].findall("{*}DrctDbtTxInf")]
    heads = (child for child in blocks[0] if safe_xml.local_name(child) != "DrctDbtTxInf")
    head = [leaf for child in heads for leaf in safe_xml.leaves(child, "PmtInf/")]
    completed = [_completed(debits[at], block.debits[place]) for at, place in enumerate(chosen)]
    return _completed_head(head, block, whole=len(chosen) == len(block.debits)), completed


def _completed_head(head: list[Leaf], block: DebitBlock, *, whole: bool) -> list[Leaf]:
    """sepaxml's head with what it cannot know: the block's id, its booking, and count and sum if it was given a sample only."""
    known: dict[str, str | None] = {"PmtInf/PmtInfId": block.pmt_inf_id}
    if not whole:
        known |= {"PmtInf/NbOfTxs": str(len(block.debits)), "PmtInf/CtrlSum": _euro(block.control_sum_cents)}
    if block.batch_booking is not True:
        known[_BATCH_BOOKING] = None if block.batch_booking is None else "false"
    completed = [(path, known.get(path, text)) for path, text in head if (path, text) != _NO_BIC]
    if len(completed) < len(head):
        completed.insert(_at(completed, "PmtInf/ChrgBr"), ("PmtInf/CdtrAgt/FinInstnId/Othr/Id", NOT_PROVIDED))
    if block.ultimate_creditor is not None:
        completed.insert(_at(completed, "PmtInf/ChrgBr"), ("PmtInf/UltmtCdtr/Nm", block.ultimate_creditor))
    return [(path, text) for path, text in completed if text is not None]


def _completed(debit: list[Leaf], record: DebitLine) -> list[Leaf]:
    """sepaxml's debit with what it does not know, in its place: amendment, ultimate debtor, purpose, structured reference."""
    *known, text = debit
    if record.amendment is not None:
        signed = _at(known, f"{_MANDATE}/DtOfSgntr")
        known[signed + 1 : signed + 1] = _amendment(record.amendment)
    if record.ultimate_debtor is not None:
        known.append(("DrctDbtTxInf/UltmtDbtr/Nm", record.ultimate_debtor))
    if record.purpose is not None:
        known.append(("DrctDbtTxInf/Purp/Cd", record.purpose))
    if record.remittance is not None:
        return [*known, text]
    if record.creditor_reference is None:
        return known
    structured = "DrctDbtTxInf/RmtInf/Strd/CdtrRefInf"
    return [*known, (f"{structured}/Tp/CdOrPrtry/Cd", "SCOR"), (f"{structured}/Ref", record.creditor_reference)]


def _amendment(amendment: Amendment) -> list[Leaf]:
    details, creditor = f"{_MANDATE}/AmdmntInfDtls", f"{_MANDATE}/AmdmntInfDtls/OrgnlCdtrSchmeId"
    leaves = [
        (f"{_MANDATE}/AmdmntInd", "true"),
        (f"{details}/OrgnlMndtId", amendment.mandate_id),
        (f"{creditor}/Nm", amendment.creditor_name),
        (f"{creditor}/Id/PrvtId/Othr/Id", amendment.creditor_id),
        (f"{creditor}/Id/PrvtId/Othr/SchmeNm/Prtry", "SEPA" if amendment.creditor_id else None),
        (f"{details}/OrgnlDbtrAcct/Id/Othr/Id", "SMNDA" if amendment.new_account else None),
    ]
    return [(path, text) for path, text in leaves if text is not None]


def _at(leaves: Sequence[tuple[str, str | None]], path: str) -> int:
    """The place of the leaf of this path. Raises ValueError where sepaxml wrote none."""
    return [found for found, _ in leaves].index(path)


def _instant(at: datetime) -> str:
    text = f"{at:%Y-%m-%dT%H:%M:%S%z}"
    return text.replace("+0000", "Z") if text.endswith("+0000") else f"{text[:-2]}:{text[-2:]}"


def _initiator(file: DebitFile) -> str:
    builder = _builder(file, file.blocks[0], file.initiator_name)
    return etree.fromstring(builder.export(validate=False)).findtext(".//{*}GrpHdr/{*}InitgPty/{*}Nm") or ""


def _builder(file: DebitFile, block: DebitBlock, name: str) -> Any:
    from sepaxml import SepaDD

    config = {
        "name": name,
        "IBAN": block.creditor_iban,
        "batch": True,
        "creditor_id": block.creditor_id,
        "currency": "EUR",
        "instrument": block.scheme,
    }
    if block.creditor_bic is not None:
        config["BIC"] = block.creditor_bic
    elif file.version == "pain.008.001.02":
        config["BIC"] = NOT_PROVIDED  # which it insists on; it is put where it belongs afterwards
    return SepaDD(config, schema=file.version, clean=False)


def _payment(block: DebitBlock, debit: DebitLine) -> dict[str, Any]:
    payment: dict[str, Any] = {
        "name": debit.debtor_name,
        "IBAN": debit.debtor_iban,
        "amount": debit.amount_cents,
        "type": block.sequence,
        "collection_date": block.due_on,
        "mandate_id": debit.mandate_id,
        "mandate_date": debit.signed_on,
        "description": debit.remittance or "",
        "endtoend_id": debit.end_to_end_id,
    }
    if debit.debtor_bic is not None:
        payment["BIC"] = debit.debtor_bic
    if debit.debtor_address is not None:
        payment["address"] = _address(debit.debtor_address)
    return payment


def _address(address: Address) -> dict[str, Any]:
    return {
        "street_name": address.street,
        "building_number": address.building,
        "postcode": address.postcode,
        "town": address.town,
        "country": address.country,
        "lines": list(address.lines),
    }


def _euro(cents: int) -> str:
    from sepaxml.utils import int_to_decimal_str

    return str(int_to_decimal_str(cents))
