"""Pure: the rules of the SEPA direct debit scheme over a file that is about to be sent.

The ISO schema lets nearly everything here through, so these rules are the gate. Each carries an id and its source.
A finding names the block, the debit's EndToEndId and the field, never a name or an IBAN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bridge.model import identifiers
from bridge.records.pain008 import Address, DebitBlock, DebitFile, DebitLine
from bridge.rules.calendar import is_target_day

SCHEMES = ("CORE", "B2B")
SEQUENCES = ("RCUR", "FRST", "OOFF", "FNAL")
AMOUNT_MAX_CENTS = 99_999_999_999
NAME_MAX = 70
REMITTANCE_MAX = 140
ADDRESS_LIMITS: Mapping[str, int] = {"street": 70, "building": 16, "postcode": 16, "town": 35}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, by which rule, and where: ``path`` is "block[1]/debit[3]/amount_cents", counted from 1."""

    id: str
    path: str
    message: str


# A rule yields (path, message); its id is put to it when it is run.
Verdict = tuple[str, str]
Check = Callable[[DebitFile], Iterator[Verdict]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One scheme rule: its id, where it is written, and the function, whose docstring says it in one sentence."""

    id: str
    source: str
    check: Check


RULES: dict[str, Rule] = {}


def check(file: DebitFile) -> list[Finding]:
    """Every finding of every rule, in the order of the rules; an empty list is a file that keeps the scheme."""
    return [Finding(rule.id, path, message) for rule in RULES.values() for path, message in rule.check(file)]


def rule(id: str, *, source: str) -> Callable[[Check], Check]:
    """Enter a function into RULES under an id that is used once."""

    def enter(function: Check) -> Check:
        if id in RULES:
            raise ValueError(f"scheme rule {id} exists twice")
        RULES[id] = Rule(id, source, function)
        return function

    return enter


@rule("SDD-001", source="EPC130-08 2025: mixing of different Local Instrument values is not allowed in the same message")
def one_scheme(file: DebitFile) -> Iterator[Verdict]:
    """All blocks of a file belong to one scheme."""
    if len({block.scheme for block in file.blocks}) > 1:
        yield "file", "CORE and B2B debits in one file; send one file for each scheme"


@rule("SDD-002", source="EPC016-06 (CORE), EPC222-07 (B2B); COR1 ended in November 2016")
def known_scheme(file: DebitFile) -> Iterator[Verdict]:
    """The scheme is CORE or B2B."""
    for path, block in _blocks(file):
        if block.scheme not in SCHEMES:
            yield f"{path}/scheme", f"scheme {block.scheme!r} is not one of: {', '.join(SCHEMES)}"


@rule("SDD-003", source="EPC130-08 2025: sequence types")
def known_sequence(file: DebitFile) -> Iterator[Verdict]:
    """The sequence is RCUR, FRST, OOFF or FNAL."""
    for path, block in _blocks(file):
        if block.sequence not in SEQUENCES:
            yield f"{path}/sequence", f"sequence {block.sequence!r} is not one of: {', '.join(SEQUENCES)}"


@rule("SDD-004", source="ISO 20022 pain.008.001.08: PmtInf and DrctDbtTxInf occur at least once")
def not_empty(file: DebitFile) -> Iterator[Verdict]:
    """A file has a block, and each block has a debit."""
    if not file.blocks:
        yield "file", "the file has no block"
    for path, block in _blocks(file):
        if not block.debits:
            yield path, "the block has no debit"


@rule("SDD-005", source="EPC230-15; EPC130-08 2025 (MsgId)")
def message_id_usable(file: DebitFile) -> Iterator[Verdict]:
    """The message id is 1 to 35 SEPA characters without a stray slash."""
    if fault := identifiers.reference_fault(file.message_id):
        yield "file/message_id", f"message id: {fault}"


@rule("SDD-006", source="EPC230-15; EPC130-08 2025 (PmtInfId)")
def block_id_usable(file: DebitFile) -> Iterator[Verdict]:
    """Each block id is 1 to 35 SEPA characters without a stray slash."""
    for path, block in _blocks(file):
        if fault := identifiers.reference_fault(block.pmt_inf_id):
            yield f"{path}/pmt_inf_id", f"block id: {fault}"


@rule("SDD-007", source="ISO 20022 camt.053: Btch/PmtInfId must name one block when the bank answers")
def block_id_unique(file: DebitFile) -> Iterator[Verdict]:
    """No block id occurs twice in a file."""
    seen: set[str] = set()
    for path, block in _blocks(file):
        if block.pmt_inf_id in seen:
            yield f"{path}/pmt_inf_id", "an earlier block has the same block id"
        seen.add(block.pmt_inf_id)


@rule("SDD-008", source="EPC230-15; EPC130-08 2025 (EndToEndId)")
def end_to_end_id_usable(file: DebitFile) -> Iterator[Verdict]:
    """Each EndToEndId is 1 to 35 SEPA characters without a stray slash."""
    for path, debit in _debits(file):
        if fault := identifiers.reference_fault(debit.end_to_end_id):
            yield f"{path}/end_to_end_id", f"EndToEndId: {fault}"


@rule("SDD-009", source="EPC016-06 2025: the reference that comes back on every R-transaction")
def end_to_end_id_unique(file: DebitFile) -> Iterator[Verdict]:
    """No EndToEndId occurs twice in a file."""
    seen: set[str] = set()
    for path, debit in _debits(file):
        if debit.end_to_end_id in seen:
            yield f"{path}/end_to_end_id", f"{_name(debit)}: an earlier debit has the same EndToEndId"
        seen.add(debit.end_to_end_id)


@rule("SDD-010", source="EPC130-08 2025 (InstdAmt)")
def amount_in_range(file: DebitFile) -> Iterator[Verdict]:
    """Each amount is 0.01 to 999,999,999.99 euro."""
    for path, debit in _debits(file):
        if not 1 <= debit.amount_cents <= AMOUNT_MAX_CENTS:
            yield f"{path}/amount_cents", f"{_name(debit)}: the amount must be 0.01 to 999999999.99 euro"


@rule("SDD-011", source="EPC130-08 2025: names of 70 characters; EPC217-08: character set; Anlage 3 V26.11: not only blanks")
def names_usable(file: DebitFile) -> Iterator[Verdict]:
    """Every name has 1 to 70 SEPA characters."""
    if fault := _text_fault(file.initiator_name, NAME_MAX):
        yield "file/initiator_name", f"initiator's name {fault}"
    for path, block in _blocks(file):
        if fault := _text_fault(block.creditor_name, NAME_MAX):
            yield f"{path}/creditor_name", f"creditor's name {fault}"
    for path, debit in _debits(file):
        if fault := _text_fault(debit.debtor_name, NAME_MAX):
            yield f"{path}/debtor_name", f"{_name(debit)}: debtor's name {fault}"
        if debit.ultimate_debtor is not None and (fault := _text_fault(debit.ultimate_debtor, NAME_MAX)):
            yield f"{path}/ultimate_debtor", f"{_name(debit)}: ultimate debtor's name {fault}"


@rule("SDD-012", source="EPC130-08 2025 (Ustrd: one occurrence of 140 characters); EPC217-08; Anlage 3 V26.11")
def remittance_usable(file: DebitFile) -> Iterator[Verdict]:
    """Each remittance text has 1 to 140 SEPA characters."""
    for path, debit in _debits(file):
        if fault := _text_fault(debit.remittance, REMITTANCE_MAX):
            yield f"{path}/remittance", f"{_name(debit)}: remittance text {fault}"


@rule("SDD-013", source="EPC230-15; EPC130-08 2025 (MndtId)")
def mandate_id_usable(file: DebitFile) -> Iterator[Verdict]:
    """Each mandate reference is 1 to 35 SEPA characters without a stray slash."""
    for path, debit in _debits(file):
        if fault := identifiers.reference_fault(debit.mandate_id):
            yield f"{path}/mandate_id", f"{_name(debit)}: mandate reference: {fault}"


@rule("SDD-014", source="EPC130-08 2025 (DtOfSgntr not after ReqdColltnDt)")
def signed_before_due(file: DebitFile) -> Iterator[Verdict]:
    """No mandate is signed after the due date."""
    for number, block in enumerate(file.blocks, start=1):
        for path, debit in _debits_of(number, block):
            if debit.signed_on > block.due_on:
                yield f"{path}/signed_on", f"{_name(debit)}: signed {debit.signed_on}, after the due date {block.due_on}"


@rule("SDD-015", source="EPC016-06 2025: creditor identifier and mandate reference name one mandate")
def one_date_per_mandate(file: DebitFile) -> Iterator[Verdict]:
    """One mandate has one date of signature."""
    signed: dict[tuple[str, str], object] = {}
    for number, block in enumerate(file.blocks, start=1):
        creditor = identifiers.creditor_key(block.creditor_id)
        for path, debit in _debits_of(number, block):
            if signed.setdefault((creditor, debit.mandate_id.upper()), debit.signed_on) != debit.signed_on:
                yield f"{path}/signed_on", f"{_name(debit)}: an earlier debit has another signature date for the same mandate"


@rule("SDD-016", source="EPC016-06 2025: a one-off mandate is spent by its one collection")
def one_off_once(file: DebitFile) -> Iterator[Verdict]:
    """A mandate that is collected OOFF occurs once."""
    uses: Counter[tuple[str, str]] = Counter()
    one_off: dict[tuple[str, str], Verdict] = {}
    for number, block in enumerate(file.blocks, start=1):
        creditor = identifiers.creditor_key(block.creditor_id)
        for path, debit in _debits_of(number, block):
            mandate = (creditor, debit.mandate_id.upper())
            uses[mandate] += 1
            if block.sequence == "OOFF":
                one_off[mandate] = (f"{path}/mandate_id", f"{_name(debit)}: a one-off mandate is collected more than once")
    yield from (verdict for mandate, verdict in one_off.items() if uses[mandate] > 1)


@rule("SDD-017", source="ECB, 14 December 2000; EPC016-06 2025, AT-T013")
def due_on_target_day(file: DebitFile) -> Iterator[Verdict]:
    """Every due date is a TARGET day."""
    for path, block in _blocks(file):
        if not is_target_day(block.due_on):
            yield f"{path}/due_on", f"due date {block.due_on} is not a TARGET day; banks would move it"


@rule("SDD-018", source="EPC262-08; EPC130-08 2025, AT-E005")
def creditor_id_present(file: DebitFile) -> Iterator[Verdict]:
    """Every block has a creditor identifier of a valid shape; its check digits are checked when the creditor is entered."""
    for path, block in _blocks(file):
        if fault := identifiers.creditor_id_fault(block.creditor_id):
            yield f"{path}/creditor_id", f"creditor identifier: {fault}"


@rule("SDD-019", source="ISO 13616, EPC409-09 v8.0")
def ibans_usable(file: DebitFile) -> Iterator[Verdict]:
    """Every IBAN is of a SEPA country, has its length and right check digits."""
    for path, block in _blocks(file):
        if fault := identifiers.iban_fault(block.creditor_iban):
            yield f"{path}/creditor_iban", f"creditor's IBAN {identifiers.mask(block.creditor_iban)}: {fault}"
    for path, debit in _debits(file):
        if fault := identifiers.iban_fault(debit.debtor_iban):
            yield f"{path}/debtor_iban", f"{_name(debit)}: debtor's IBAN {identifiers.mask(debit.debtor_iban)}: {fault}"


@rule("SDD-020", source="Regulation 260/2012 waives the BIC inside the EEA only; EPC note of 2021")
def bic_outside_eea(file: DebitFile) -> Iterator[Verdict]:
    """A debtor's account outside the EEA comes with the BIC of its bank."""
    for path, debit in _debits(file):
        if _outside_eea(debit) and debit.debtor_bic is None:
            yield f"{path}/debtor_bic", f"{_name(debit)}: the account is outside the EEA, so its bank's BIC is needed"


@rule("SDD-021", source="EPC130-08 2025 (AT-P005: address of the debtor outside the EEA)")
def address_outside_eea(file: DebitFile) -> Iterator[Verdict]:
    """A debtor's account outside the EEA comes with the full address of the debtor."""
    for path, debit in _debits(file):
        if _outside_eea(debit) and not _complete(debit.debtor_address):
            wanted = "the debtor's street, postcode, town and country are needed"
            yield f"{path}/debtor_address", f"{_name(debit)}: the account is outside the EEA, so {wanted}"


@rule("SDD-022", source="EPC153-22 v2.2: TwnNm and Ctry are mandatory in a structured address; EPC217-08")
def address_usable(file: DebitFile) -> Iterator[Verdict]:
    """An address has a town and a country, and every part of it fits."""
    for path, debit in _debits(file):
        if debit.debtor_address is not None:
            yield from _address(f"{path}/debtor_address", _name(debit), debit.debtor_address)


@rule("SDD-023", source="ISO 9362:2022; EPC130-08 2025: NOTPROVIDED belongs into Othr/Id")
def bics_usable(file: DebitFile) -> Iterator[Verdict]:
    """A BIC, where given, is one."""
    for path, block in _blocks(file):
        if block.creditor_bic is not None and (fault := identifiers.bic_fault(block.creditor_bic)):
            yield f"{path}/creditor_bic", f"creditor's BIC: {fault}"
    for path, debit in _debits(file):
        if debit.debtor_bic is not None and (fault := identifiers.bic_fault(debit.debtor_bic)):
            yield f"{path}/debtor_bic", f"{_name(debit)}: debtor's BIC: {fault}"


def _blocks(file: DebitFile) -> Iterator[tuple[str, DebitBlock]]:
    for number, block in enumerate(file.blocks, start=1):
        yield f"block[{number}]", block


def _debits(file: DebitFile) -> Iterator[tuple[str, DebitLine]]:
    for number, block in enumerate(file.blocks, start=1):
        yield from _debits_of(number, block)


def _debits_of(number: int, block: DebitBlock) -> Iterator[tuple[str, DebitLine]]:
    for place, debit in enumerate(block.debits, start=1):
        yield f"block[{number}]/debit[{place}]", debit


def _name(debit: DebitLine) -> str:
    """A debit as a person knows it; an EndToEndId that is none may be anything, even a name, and is not repeated."""
    return debit.end_to_end_id if identifiers.reference_fault(debit.end_to_end_id) is None else "debit without usable id"


def _text_fault(text: str, limit: int) -> str | None:
    if not text.strip():
        return "is empty"
    if len(text) > limit:
        return f"has {len(text)} characters, {limit} are allowed"
    if not identifiers.SEPA_CHARACTERS.issuperset(text):
        return "has characters outside the SEPA set"
    return None


def _address(path: str, what: str, address: Address) -> Iterator[Verdict]:
    if not address.town:
        yield f"{path}/town", f"{what}: the address has no town"
    if address.country is None or not (len(address.country) == 2 and address.country.isascii() and address.country.isupper()):
        yield f"{path}/country", f"{what}: the address has no country code of two letters"
    for part, limit in ADDRESS_LIMITS.items():
        text: str | None = getattr(address, part)
        if text and (fault := _text_fault(text, limit)):
            yield f"{path}/{part}", f"{what}: {part} of the address {fault}"


def _outside_eea(debit: DebitLine) -> bool:
    country = debit.debtor_iban[:2]
    return country in identifiers.IBAN_LENGTHS and country not in identifiers.EEA


def _complete(address: Address | None) -> bool:
    return address is not None and all((address.street, address.postcode, address.town, address.country))
