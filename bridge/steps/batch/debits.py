"""The debit file of a plan, from rows: what a debit says is opened here, for rendering only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge import rows
from bridge.errors import BadInput
from bridge.model import Account, BankAccount, Collection, Creditor, DataKey, Invoice, Mandate, Person, identifiers
from bridge.model.identifiers import in_eea
from bridge.model.parties import open_address, open_iban, open_name, open_ultimate_debtor
from bridge.model.sealed import Key
from bridge.records.pain008 import Address, Amendment, DebitBlock, DebitFile, DebitLine
from bridge.records.profile import BankProfile
from bridge.register import amendments
from bridge.rules import batching, scheme, text
from bridge.rules.batching import Due, PlannedFile
from bridge.runtime import Runtime
from bridge.settings import CreditorSettings

AT_ONCE = 500  # debtors whose rows are held at a time


@dataclass(frozen=True, slots=True)
class Party:
    """What a debit says about the debtor, opened for rendering only."""

    name: str
    iban: str
    line: Mandate
    person: Person
    key: Key
    bic: str | None


def debit_file(
    session: Session,
    runtime: Runtime,
    account: Account,
    creditor: Creditor,
    profile: BankProfile,
    plan: PlannedFile,
    message_id: str,
    created_at: datetime,
) -> DebitFile:
    own = session.get_one(BankAccount, account.bank_account_id)
    own_iban = open_iban(_key(session, runtime, own.key_uid), own)
    known = scheme.of_bank.CHARACTERS[profile.characters]
    parties = _parties(session, runtime, [member.id for member in plan.members])
    amended = amendments.to_tell(session, sorted({party.line.id for party in parties.values()}))
    wishes = runtime.settings.creditor(creditor.creditor_id)
    machines = wishes.machines if wishes else {}
    numbers = _invoice_texts(session, runtime, [member.id for member in plan.members], machines)
    name = text.sepa_text(creditor.name, limit=scheme.NAME_MAX, known=known)
    blocks = tuple(
        DebitBlock(
            pmt_inf_id=batching.pmt_inf_id(message_id, number),
            scheme=plan.scheme,
            sequence=block.sequence,
            due_on=block.due_on,
            creditor_name=name,
            creditor_iban=own_iban,
            creditor_bic=own.bic,
            creditor_id=creditor.creditor_id,
            batch_booking=profile.batch_booking,
            ultimate_creditor=_name(wishes.ultimate_creditor, known) if wishes and wishes.ultimate_creditor else None,
            debits=tuple(
                _debit(member, parties[member.id], numbers[member.id], profile, amended, wishes) for member in block.members
            ),
        )
        for number, block in enumerate(plan.blocks, 1)
    )
    return DebitFile(message_id, created_at.astimezone(ZoneInfo(profile.created_in)), name, blocks, profile.version)


def _debit(
    member: Due,
    party: Party,
    said: tuple[str, str],
    profile: BankProfile,
    amended: Mapping[int, Amendment],
    wishes: CreditorSettings | None,
) -> DebitLine:
    country, known = party.iban[:2], scheme.of_bank.CHARACTERS[profile.characters]
    ultimate = open_ultimate_debtor(party.key, party.person)
    assert party.line.signed_on is not None  # under a draft no debit is formed
    return DebitLine(
        end_to_end_id=member.end_to_end_id,
        amount_cents=member.amount_cents,
        mandate_id=party.line.mandate_id,
        signed_on=party.line.signed_on,
        debtor_name=text.sepa_text(party.name, limit=scheme.NAME_MAX, known=known),
        debtor_iban=party.iban,
        **_remittance(*said, wishes, known),
        debtor_bic=None if in_eea(country) else party.bic,
        debtor_address=None if in_eea(country) else printed(open_address(party.key, party.person), profile),
        ultimate_debtor=text.sepa_text(ultimate, limit=scheme.NAME_MAX, known=known) if ultimate else None,
        amendment=_printed_amendment(amended.get(party.line.id), known),
        purpose=wishes.purpose or None if wishes else None,
    )


def _remittance(number: str, words: str, wishes: CreditorSettings | None, known: AbstractSet[str]) -> dict[str, str]:
    """What the debtor reads: a structured reference where the creditor wants one and the number fits, else a text.

    A trade name that differs from the legal one goes first (EPC130-08, usage rule of Ustrd).
    """
    if wishes and wishes.reference == "structured":
        try:
            return {"creditor_reference": identifiers.creditor_reference(number)}
        except BadInput:
            pass  # too long for one: the text says it
    if wishes and wishes.trade_name and wishes.trade_name != wishes.name:
        words = f"{wishes.trade_name} / {words}"
    return {"remittance": text.sepa_text(words, limit=scheme.REMITTANCE_MAX, known=known)}


def _name(name: str, known: AbstractSet[str]) -> str:
    return text.sepa_text(name, limit=scheme.NAME_MAX, known=known)


def _printed_amendment(amendment: Amendment | None, known: AbstractSet[str]) -> Amendment | None:
    if amendment is None or amendment.creditor_name is None:
        return amendment
    return replace(amendment, creditor_name=text.sepa_text(amendment.creditor_name, limit=scheme.NAME_MAX, known=known))


def printed(address: Address | None, profile: BankProfile) -> Address | None:
    """An address in the bank's characters. Nothing of it is left out: a form that the bank does not take is held by BNK-007.

    Only the old form is another one: country and lines, the first of them the street.
    """
    if address is None:
        return None
    known = scheme.of_bank.CHARACTERS[profile.characters]

    def cut(part: str | None, limit: int) -> str | None:
        return text.sepa_text(part, limit=limit, known=known) or None if part else None

    if profile.address == "lines":
        street, town = (address.street, address.building), (address.postcode, address.town)
        whole = (" ".join(filter(None, street)), *address.lines, " ".join(filter(None, town)))
        lines = [cut(line, scheme.ADDRESS_LINE_MAX) for line in whole]
        return Address(country=address.country, lines=tuple(filter(None, lines)))
    shown = {name: cut(getattr(address, name), limit) for name, limit in scheme.ADDRESS_LIMITS.items()}
    kept = [cut(line, scheme.ADDRESS_LINE_MAX) for line in address.lines]
    return Address(**shown, country=address.country, lines=tuple(filter(None, kept)))


def _parties(session: Session, runtime: Runtime, collection_ids: Sequence[int]) -> dict[int, Party]:
    found: dict[int, Party] = {}
    keys: dict[str, Key] = {}
    parties = (
        select(Collection.id, Mandate, Person, BankAccount)
        .join(Mandate, Mandate.id == Collection.mandate_id)
        .join(Person, Person.id == Mandate.person_id)
        .join(BankAccount, BankAccount.id == Mandate.bank_account_id)
        .with_for_update(read=True, of=Mandate)  # who amends one comes before the file, or after it and says so by his time
    )
    for start in range(0, len(collection_ids), AT_ONCE):
        some = rows.sought(session, parties, Collection.id, collection_ids[start : start + AT_ONCE])
        wanted = {uid for _, _, person, account in some for uid in (person.key_uid, account.key_uid)} - set(keys)
        sealed = rows.sought(session, select(DataKey), DataKey.uid, wanted)
        keys |= {row.uid: runtime.keys.unwrap(row) for (row,) in sealed}
        for collection_id, mandate, person, account in some:
            key = keys[person.key_uid]
            iban = open_iban(keys[account.key_uid], account)
            found[collection_id] = Party(open_name(key, person), iban, mandate, person, key, account.bic)
    return found


def _invoice_texts(
    session: Session, runtime: Runtime, collection_ids: Sequence[int], machines: Mapping[str, str]
) -> dict[int, tuple[str, str]]:
    """The invoice's number, and what the debtor reads: number, period, and the machine of its agreement where it has a name."""
    texts: dict[int, tuple[str, str]] = {}
    columns = (Collection.id, Invoice.number, Invoice.agreement, Invoice.period_start, Invoice.period_end)
    said = select(*columns).join(Invoice, Invoice.id == Collection.invoice_id)
    for found, number, agreement, begin, end in rows.sought(session, said, Collection.id, collection_ids):
        days = (_day(runtime, begin), _day(runtime, end - timedelta(seconds=1)))
        texts[found] = (number, batching.remittance(number, *days, machines.get(agreement, "")))
    return texts


def _day(runtime: Runtime, at: datetime) -> date:
    return at.astimezone(runtime.zone).date()


def _key(session: Session, runtime: Runtime, uid: str) -> Key:
    return runtime.keys.unwrap(session.get_one(DataKey, uid))
