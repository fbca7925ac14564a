"""Pure: what one bank takes, by its profile (templates/banks/*.toml), which switches no rule off."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.model import identifiers
from bridge.records.pain008 import Address, DebitFile
from bridge.records.profile import BankProfile
from bridge.rules.scheme.rule import RULES, Finding, Verdict, debits, named, of_bank

CHARACTERS = {"sepa": identifiers.SEPA_CHARACTERS, "german": identifiers.SEPA_CHARACTERS | identifiers.GERMAN_CHARACTERS}


@of_bank("BNK-001", source="the bank: version")
def version_taken(file: DebitFile, profile: BankProfile) -> Iterator[Verdict]:
    """The file has the message version that the bank takes."""
    if file.version != profile.version:
        yield "file", f"the file is {file.version}; {profile.title} takes {profile.version}"


@of_bank("BNK-002", source="the bank: transactions_max")
def not_too_many(file: DebitFile, profile: BankProfile) -> Iterator[Verdict]:
    """A file has at most as many debits as the bank takes."""
    if file.count > profile.transactions_max:
        yield "file", f"{file.count:,} debits in one file; {profile.title} takes {profile.transactions_max:,}"


@of_bank("BNK-003", source="the bank: one_block")
def one_block(file: DebitFile, profile: BankProfile) -> Iterator[Verdict]:
    """A file has one block where the bank takes one."""
    if profile.one_block and len(file.blocks) > 1:
        yield "file", f"{len(file.blocks)} blocks in one file; {profile.title} takes one"


@of_bank("BNK-004", source="the bank: one_due_date")
def one_due_date(file: DebitFile, profile: BankProfile) -> Iterator[Verdict]:
    """All debits of a file are due on one day where the bank wants that."""
    if profile.one_due_date and len({block.due_on for block in file.blocks}) > 1:
        yield "file", f"several due dates in one file; {profile.title} takes one"


@of_bank("BNK-005", source="the bridge: one file for each account; EPC130-08 2025: a file may name several")
def one_account(file: DebitFile, _: BankProfile) -> Iterator[Verdict]:
    """All blocks of a file are for one account of the creditor."""
    if len({block.creditor_iban for block in file.blocks}) > 1:
        yield "file", "several accounts of the creditor in one file; send one file for each"


@of_bank("BNK-006", source="the bank: characters; EPC217-08")
def characters_taken(file: DebitFile, profile: BankProfile) -> Iterator[Verdict]:
    """Every text is in the characters that the bank takes."""
    known = CHARACTERS[profile.characters]
    for number, block in enumerate(file.blocks, start=1):
        for what in ("creditor_name", "ultimate_creditor"):
            if not known.issuperset(getattr(block, what) or ""):
                yield f"block[{number}]/{what}", f"characters that {profile.title} does not take"
    for path, _, debit in debits(file):
        for what in ("debtor_name", "ultimate_debtor", "remittance"):
            if not known.issuperset(getattr(debit, what) or ""):
                yield f"{path}/{what}", f"{named(debit)}: characters that {profile.title} does not take"


@of_bank("BNK-007", source="the bank: address; EPC153-22 v2.2, DK GBIC_4 and GBIC_5, PSA Austria")
def address_taken(file: DebitFile, profile: BankProfile) -> Iterator[Verdict]:
    """Every address has the form that the bank takes: structured, hybrid or lines."""
    for path, _, debit in debits(file):
        if debit.debtor_address is not None and (fault := address_fault(debit.debtor_address, profile)):
            yield f"{path}/debtor_address", f"{named(debit)}: {fault}"


def address_fault(address: Address, profile: BankProfile) -> str | None:
    """Why the bank does not take an address of this form, or None."""
    structured = any((address.street, address.building, address.postcode, address.town))
    if profile.address == "lines":
        return f"{profile.title} takes an address as country and lines only" if structured else None
    if not structured:
        return f"{profile.title} takes no address without structure"
    if profile.address == "structured" and address.lines:
        return f"{profile.title} takes structured addresses only; what stands in lines belongs into street, building and postcode"
    return None


def check(file: DebitFile, profile: BankProfile) -> list[Finding]:
    """Every finding of the bank's own rules; an empty list is a file that this bank takes."""
    found = [(rule.id, *verdict) for rule in RULES.values() if rule.of == "bank" for verdict in rule.check(file, profile)]
    return [Finding(*one) for one in found]
