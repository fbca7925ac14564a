"""Pure: rules over a file and its blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bridge.model import identifiers
from bridge.records.pain008 import DebitBlock, DebitFile, DebitLine
from bridge.rules.calendar import is_target_day
from bridge.rules.scheme.of_debit import NAME_MAX, is_old_form, text_fault
from bridge.rules.scheme.rule import Verdict, debits, named, of_block, of_file

SCHEMES = ("CORE", "B2B")
SEQUENCES = ("RCUR", "FRST", "OOFF", "FNAL")


@of_file("SDD-001", source="EPC130-08 2025: mixing of different Local Instrument values is not allowed in the same message")
def one_scheme(file: DebitFile) -> Iterator[Verdict]:
    """All blocks of a file belong to one scheme."""
    if len({block.scheme for block in file.blocks}) > 1:
        yield "file", "CORE and B2B debits in one file; send one file for each scheme"


@of_block("SDD-002", source="EPC016-06 (CORE), EPC222-07 (B2B); COR1 ended in November 2016")
def known_scheme(block: DebitBlock) -> Iterator[Verdict]:
    """The scheme is CORE or B2B."""
    if block.scheme not in SCHEMES:
        yield "scheme", f"scheme {block.scheme!r} is not one of: {', '.join(SCHEMES)}"


@of_block("SDD-003", source="EPC130-08 2025: sequence types")
def known_sequence(block: DebitBlock) -> Iterator[Verdict]:
    """The sequence is RCUR, FRST, OOFF or FNAL."""
    if block.sequence not in SEQUENCES:
        yield "sequence", f"sequence {block.sequence!r} is not one of: {', '.join(SEQUENCES)}"


@of_file("SDD-004", source="ISO 20022 pain.008.001.08: PmtInf and DrctDbtTxInf occur at least once")
def not_empty(file: DebitFile) -> Iterator[Verdict]:
    """A file has a block, and each block has a debit."""
    if not file.blocks:
        yield "file", "the file has no block"
    for number, block in enumerate(file.blocks, start=1):
        if not block.debits:
            yield f"block[{number}]", "the block has no debit"


@of_file("SDD-005", source="EPC230-15; EPC130-08 2025 (MsgId)")
def message_id_usable(file: DebitFile) -> Iterator[Verdict]:
    """The message id is 1 to 35 SEPA characters without a stray slash."""
    if fault := identifiers.reference_fault(file.message_id):
        yield "file/message_id", f"message id: {fault}"


@of_block("SDD-006", source="EPC230-15; EPC130-08 2025 (PmtInfId)")
def block_id_usable(block: DebitBlock) -> Iterator[Verdict]:
    """Each block id is 1 to 35 SEPA characters without a stray slash."""
    if fault := identifiers.reference_fault(block.pmt_inf_id):
        yield "pmt_inf_id", f"block id: {fault}"


@of_file("SDD-007", source="ISO 20022 camt.053: Btch/PmtInfId must name one block when the bank answers")
def block_id_unique(file: DebitFile) -> Iterator[Verdict]:
    """No block id occurs twice in a file."""
    seen: set[str] = set()
    for number, block in enumerate(file.blocks, start=1):
        if block.pmt_inf_id.upper() in seen:
            yield f"block[{number}]/pmt_inf_id", "an earlier block has the same block id"
        seen.add(block.pmt_inf_id.upper())


@of_file("SDD-009", source="EPC016-06 2025: the reference that comes back on every R-transaction")
def end_to_end_id_unique(file: DebitFile) -> Iterator[Verdict]:
    """No EndToEndId occurs twice in a file, in whatever case."""
    seen: set[str] = set()
    for path, _, debit in debits(file):
        if debit.end_to_end_id.upper() in seen:
            yield f"{path}/end_to_end_id", f"{named(debit)}: an earlier debit has the same EndToEndId"
        seen.add(debit.end_to_end_id.upper())


@of_file("SDD-025", source="EPC130-08 2025: names of 70 characters; EPC217-08: character set; Anlage 3 V26.11: not only blanks")
def initiator_usable(file: DebitFile) -> Iterator[Verdict]:
    """The initiator's name has 1 to 70 characters that banks take."""
    if fault := text_fault(file.initiator_name, NAME_MAX):
        yield "file/initiator_name", f"initiator's name {fault}"


@of_block("SDD-026", source="EPC130-08 2025: names of 70 characters; EPC217-08: character set; Anlage 3 V26.11: not only blanks")
def creditor_names_usable(block: DebitBlock) -> Iterator[Verdict]:
    """The creditor's name, and the ultimate creditor's where given, has 1 to 70 characters that banks take."""
    if fault := text_fault(block.creditor_name, NAME_MAX):
        yield "creditor_name", f"creditor's name {fault}"
    if block.ultimate_creditor is not None and (fault := text_fault(block.ultimate_creditor, NAME_MAX)):
        yield "ultimate_creditor", f"ultimate creditor's name {fault}"


@of_file("SDD-015", source="EPC016-06 2025: creditor identifier and mandate reference name one mandate")
def one_date_per_mandate(file: DebitFile) -> Iterator[Verdict]:
    """One mandate has one date of signature."""
    signed: dict[tuple[str, str], object] = {}
    for path, mandate, _, debit in _mandates(file):
        if signed.setdefault(mandate, debit.signed_on) != debit.signed_on:
            yield f"{path}/signed_on", f"{named(debit)}: an earlier debit has another signature date for the same mandate"


@of_file("SDD-016", source="EPC016-06 2025: a mandate collected OOFF or FNAL is spent, and one collected FRST has had no other")
def once_under_a_mandate(file: DebitFile) -> Iterator[Verdict]:
    """A mandate that is collected OOFF, FRST or FNAL occurs once in a file."""
    uses: Counter[tuple[str, str]] = Counter()
    single: dict[tuple[str, str], Verdict] = {}
    for path, mandate, block, debit in _mandates(file):
        uses[mandate] += 1
        if block.sequence in ("OOFF", "FRST", "FNAL"):
            single[mandate] = (
                f"{path}/mandate_id",
                f"{named(debit)}: a mandate that is collected {block.sequence} is collected more than once",
            )
    yield from (verdict for mandate, verdict in single.items() if uses[mandate] > 1)


@of_block("SDD-017", source="ECB, 14 December 2000; EPC016-06 2025, AT-T013")
def due_on_target_day(block: DebitBlock) -> Iterator[Verdict]:
    """Every due date is a TARGET day."""
    if not is_target_day(block.due_on):
        yield "due_on", f"due date {block.due_on} is not a TARGET day; banks would move it"


@of_block("SDD-018", source="EPC262-08; EPC130-08 2025, AT-E005")
def creditor_id_usable(block: DebitBlock) -> Iterator[Verdict]:
    """Every block has a creditor identifier, and its check digits are right."""
    if fault := identifiers.creditor_id_fault(block.creditor_id):
        yield "creditor_id", f"creditor identifier: {fault}"


@of_block("SDD-027", source="ISO 13616, EPC409-09 v8.0")
def creditor_iban_usable(block: DebitBlock) -> Iterator[Verdict]:
    """The creditor's IBAN is of a SEPA country, has its length and right check digits."""
    if fault := identifiers.iban_fault(block.creditor_iban):
        yield "creditor_iban", f"creditor's IBAN {identifiers.mask(block.creditor_iban)}: {fault}"


@of_block("SDD-028", source="ISO 9362:2022; EPC130-08 2025: NOTPROVIDED belongs into Othr/Id")
def creditor_bic_usable(block: DebitBlock) -> Iterator[Verdict]:
    """The BIC of the creditor's bank, where given, is one."""
    if block.creditor_bic is not None and (fault := identifiers.bic_fault(block.creditor_bic)):
        yield "creditor_bic", f"creditor's BIC: {fault}"


@of_file("SDD-024", source="EPC153-22 v2.2; DK GBIC_4, GBIC_5 and PSA refuse it in pain.008.001.08")
def no_old_address(file: DebitFile) -> Iterator[Verdict]:
    """An address of country and lines alone stands in pain.008.001.02 and in no later version."""
    if file.version == "pain.008.001.02":
        return
    for path, _, debit in debits(file):
        if debit.debtor_address is not None and is_old_form(debit.debtor_address):
            yield f"{path}/debtor_address", f"{named(debit)}: the address has no town of its own; banks take it structured"


def _mandates(file: DebitFile) -> Iterator[tuple[str, tuple[str, str], DebitBlock, DebitLine]]:
    """Every debit with its path, its mandate (creditor and reference, in whatever case) and its block."""
    creditors = [identifiers.creditor_key(block.creditor_id) for block in file.blocks]
    for number, (block, creditor) in enumerate(zip(file.blocks, creditors, strict=True), start=1):
        for place, debit in enumerate(block.debits, start=1):
            yield f"block[{number}]/debit[{place}]", (creditor, debit.mandate_id.upper()), block, debit
