"""Pure: rules over one debit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bridge.model import identifiers
from bridge.records.pain008 import Address, DebitBlock, DebitLine
from bridge.rules.scheme.rule import Verdict, of_debit

AMOUNT_MAX_CENTS = 99_999_999_999
NAME_MAX = 70
REMITTANCE_MAX = 140
ADDRESS_LIMITS: Mapping[str, int] = {"street": 70, "building": 16, "postcode": 16, "town": 35}
ADDRESS_LINES_MAX, ADDRESS_LINE_MAX = 2, 70
#: what any bank may be told: the SEPA set, and what German banks take beyond it; one bank's own set is its profile's
CHARACTERS = identifiers.SEPA_CHARACTERS | identifiers.GERMAN_CHARACTERS
_PURPOSE = re.compile(r"[A-Z0-9]{4}")
_COUNTRY = re.compile(r"[A-Z]{2}")


def text_fault(text: str, limit: int) -> str | None:
    """What is wrong with a text that a person reads, or None."""
    if not text.strip():
        return "is empty"
    if len(text) > limit:
        return f"has {len(text)} characters, {limit} are allowed"
    if not CHARACTERS.issuperset(text):
        return "has characters that no SEPA bank has to take"
    return None


@of_debit("SDD-008", source="EPC230-15; EPC130-08 2025 (EndToEndId)")
def end_to_end_id_usable(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """Each EndToEndId is 1 to 35 SEPA characters without a stray slash."""
    if fault := identifiers.reference_fault(debit.end_to_end_id):
        yield "end_to_end_id", f"EndToEndId: {fault}"


@of_debit("SDD-010", source="EPC130-08 2025 (InstdAmt)")
def amount_in_range(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """Each amount is 0.01 to 999,999,999.99 euro."""
    if not 1 <= debit.amount_cents <= AMOUNT_MAX_CENTS:
        yield "amount_cents", "the amount must be 0.01 to 999999999.99 euro"


@of_debit("SDD-011", source="EPC130-08 2025: names of 70 characters; EPC217-08: character set; Anlage 3 V26.11: not only blanks")
def names_usable(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """The debtor's name, and the ultimate debtor's where given, has 1 to 70 characters that banks take."""
    if fault := text_fault(debit.debtor_name, NAME_MAX):
        yield "debtor_name", f"debtor's name {fault}"
    if debit.ultimate_debtor is not None and (fault := text_fault(debit.ultimate_debtor, NAME_MAX)):
        yield "ultimate_debtor", f"ultimate debtor's name {fault}"


@of_debit("SDD-012", source="EPC130-08 2025 (Ustrd: one occurrence of 140 characters); EPC217-08; Anlage 3 V26.11")
def remittance_usable(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """A remittance text has 1 to 140 characters that banks take."""
    if debit.remittance is not None and (fault := text_fault(debit.remittance, REMITTANCE_MAX)):
        yield "remittance", f"remittance text {fault}"


@of_debit("SDD-013", source="EPC230-15; EPC130-08 2025 (MndtId)")
def mandate_id_usable(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """Each mandate reference is 1 to 35 SEPA characters without a stray slash."""
    if fault := identifiers.reference_fault(debit.mandate_id):
        yield "mandate_id", f"mandate reference: {fault}"


@of_debit("SDD-014", source="EPC130-08 2025 (DtOfSgntr not after ReqdColltnDt)")
def signed_before_due(block: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """No mandate is signed after the due date."""
    if debit.signed_on > block.due_on:
        yield "signed_on", f"signed {debit.signed_on}, after the due date {block.due_on}"


@of_debit("SDD-019", source="ISO 13616, EPC409-09 v8.0")
def debtor_iban_usable(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """The debtor's IBAN is of a SEPA country, has its length and right check digits."""
    if fault := identifiers.iban_fault(debit.debtor_iban):
        yield "debtor_iban", f"debtor's IBAN {identifiers.mask(debit.debtor_iban)}: {fault}"


@of_debit("SDD-020", source="Regulation 260/2012 waives the BIC inside the EEA only; EPC note of 2021")
def bic_outside_eea(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """A debtor's account outside the EEA comes with the BIC of its bank."""
    if debit.debtor_bic is None and _outside_eea(debit):
        yield "debtor_bic", "the account is outside the EEA, so its bank's BIC is needed"


@of_debit("SDD-021", source="EPC130-08 2025 (AT-P005: address of the debtor outside the EEA); EPC153-22 v2.2: hybrid")
def address_outside_eea(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """A debtor's account outside the EEA comes with the full address of the debtor, structured or hybrid."""
    if _outside_eea(debit) and not _complete(debit.debtor_address):
        wanted = "the debtor's street, postcode, town and country are needed, or free lines beside town and country"
        yield "debtor_address", f"the account is outside the EEA, so {wanted}"


@of_debit(
    "SDD-022", source="EPC153-22 v2.2: TwnNm and Ctry are mandatory in an address, and at most two AdrLine may follow; EPC217-08"
)
def address_usable(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """An address has a country, a town or (in the old form) lines alone, at most two lines, and every part of it fits."""
    address = debit.debtor_address
    if address is None:
        return
    if not address.town and not is_old_form(address):
        yield "debtor_address/town", "the address has no town"
    if address.country is None or not _COUNTRY.fullmatch(address.country):
        yield "debtor_address/country", "the address has no country code of two letters"
    if len(address.lines) > ADDRESS_LINES_MAX:
        yield "debtor_address/lines", f"the address has {len(address.lines)} lines; {ADDRESS_LINES_MAX} are allowed"
    parts = [(part, getattr(address, part), limit) for part, limit in ADDRESS_LIMITS.items()]
    parts += [(f"lines[{number}]", line, ADDRESS_LINE_MAX) for number, line in enumerate(address.lines, start=1)]
    for part, text, limit in parts:
        if text is not None and (fault := text_fault(text, limit)):
            yield f"debtor_address/{part}", f"{part} of the address {fault}"


@of_debit("SDD-023", source="ISO 9362:2022; EPC130-08 2025: NOTPROVIDED belongs into Othr/Id")
def debtor_bic_usable(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """The BIC of the debtor's bank, where given, is one."""
    if debit.debtor_bic is not None and (fault := identifiers.bic_fault(debit.debtor_bic)):
        yield "debtor_bic", f"debtor's BIC: {fault}"


@of_debit("SDD-029", source="EPC130-08 2025 (RmtInf): either structured or unstructured; no schema refuses both")
def one_remittance(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """A debit carries a remittance text or a structured reference, one of the two."""
    if debit.remittance is not None and debit.creditor_reference is not None:
        yield "remittance", "it has a remittance text and a structured reference; banks take one of them"
    if debit.remittance is None and debit.creditor_reference is None:
        yield "remittance", "it has neither a remittance text nor a structured reference; nobody could tell what was paid"


@of_debit("SDD-030", source="ISO 11649; EPC130-08 2025 (CdtrRefInf)")
def creditor_reference_usable(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """A structured reference is an ISO 11649 one (RF, check digits, up to 21 characters) whose check digits are right."""
    if debit.creditor_reference is not None and (fault := identifiers.creditor_reference_fault(debit.creditor_reference)):
        yield "creditor_reference", f"structured reference: {fault}"


@of_debit("SDD-031", source="ISO 20022 ExternalPurpose1Code; EPC130-08 2025: Purp/Cd only")
def purpose_usable(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """A purpose code has four capital letters or digits."""
    if debit.purpose is not None and not _PURPOSE.fullmatch(debit.purpose):
        yield "purpose", "the purpose code has four capital letters or digits"


@of_debit(
    "SDD-032", source="EPC130-08 2025 (AmdmntInfDtls): the original value is given where it changed, and only there; else MD02"
)
def amendment_says_what(block: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """An amendment names at least one thing that changed, and no original value that is the present one."""
    was = debit.amendment
    if was is None:
        return
    if not (was.mandate_id or was.creditor_id or was.creditor_name or was.new_account):
        yield "amendment", "the amendment says nothing that changed"
    if was.mandate_id == debit.mandate_id:
        yield "amendment/mandate_id", "the original mandate reference is the present one"
    if was.creditor_id == block.creditor_id:
        yield "amendment/creditor_id", "the original creditor identifier is the present one"
    if was.creditor_name == block.creditor_name:
        yield "amendment/creditor_name", "the original creditor's name is the present one"


@of_debit("SDD-033", source="EPC230-15; EPC262-08; EPC130-08 2025 (AmdmntInfDtls)")
def original_values_usable(_: DebitBlock, debit: DebitLine) -> Iterator[Verdict]:
    """The original values of an amendment keep the same rules as the present ones."""
    was = debit.amendment
    if was is None:
        return
    if was.mandate_id is not None and (fault := identifiers.reference_fault(was.mandate_id)):
        yield "amendment/mandate_id", f"original mandate reference: {fault}"
    if was.creditor_id is not None and (fault := identifiers.creditor_id_fault(was.creditor_id)):
        yield "amendment/creditor_id", f"original creditor identifier: {fault}"
    if was.creditor_name is not None and (fault := text_fault(was.creditor_name, NAME_MAX)):
        yield "amendment/creditor_name", f"original creditor's name {fault}"


def _outside_eea(debit: DebitLine) -> bool:
    country = debit.debtor_iban[:2]
    return country not in identifiers.EEA and country in identifiers.IBAN_LENGTHS


def _complete(address: Address | None) -> bool:
    if address is None or not address.country:
        return False
    if is_old_form(address):
        return len(address.lines) >= ADDRESS_LINES_MAX  # more than that is SDD-022's
    return bool(address.town) and (bool(address.lines) or all((address.street, address.postcode)))


def is_old_form(address: Address) -> bool:
    """Country and lines alone, as pain.008.001.02 has it: whether a bank takes it is its profile's."""
    return bool(address.lines) and not any((address.street, address.building, address.postcode, address.town))
