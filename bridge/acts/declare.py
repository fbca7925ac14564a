"""What bridge.toml declares becomes rows: accounts, creditors, sources; every change of a declaration is a version.

Once used in a sealed file, an account's IBAN or a creditor's identifier does not change by editing the config.
"""

from __future__ import annotations

import json
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.chain import mapping
from bridge.errors import ConfigError
from bridge.model import Account, BankAccount, Batch, Creditor, Declaration, Source, WrappingKey
from bridge.model.identifiers import check_bic, check_creditor_id, check_iban, creditor_key, mask
from bridge.model.parties import seal_account
from bridge.model.sealed import number_of
from bridge.runtime import Runtime
from bridge.settings import AccountSettings, CreditorSettings, SourceSettings


def run(runtime: Runtime) -> None:
    """Bring the rows to what bridge.toml says; does nothing where it says what is there. Raises ConfigError."""
    runtime.work(lambda session: _declare(session, runtime))


def _declare(session: Session, runtime: Runtime) -> None:
    if runtime.settings.environment == "production":  # from then on a name alone is nobody: see identity.ever_in_production
        _version(session, runtime, "environment", "production", {})
    _wrapping_key(session, runtime)
    for account in runtime.settings.accounts:
        runtime.profile(account.bank)
        _account(session, runtime, account)
    for creditor in runtime.settings.creditors:
        _creditor(session, runtime, creditor)
    for source in runtime.settings.sources:
        _source(session, runtime, source)


def _wrapping_key(session: Session, runtime: Runtime) -> None:
    """Let the database know the key under which new rows are sealed. Raises ConfigError for one that it has forgotten."""
    current = runtime.keys.newest().current
    known = set(session.scalars(select(WrappingKey.name)))
    if current in known:
        return
    if known and number_of(current) <= max(number_of(name) for name in known):
        raise ConfigError(
            f"the key file seals under {current}, which 'bridge keys rotate --forget' gave up: it is an old copy; "
            "put the newest key file here"
        )
    session.add(WrappingKey(name=current, recorded_at=runtime.clock()))
    session.flush()


def _account(session: Session, runtime: Runtime, declared: AccountSettings) -> None:
    iban = check_iban(declared.iban).iban
    bic = check_bic(declared.bic) if declared.bic else None
    digest = runtime.keys.digest("iban", iban)
    row = session.scalar(select(Account).where(Account.name == declared.id))
    if row is None:
        row = Account(name=declared.id, bank_account_id=_bank_account(session, runtime, iban, bic).id, bank=declared.bank)
        session.add(row)
    bank_account = session.get_one(BankAccount, row.bank_account_id)
    if bank_account.iban_digest != digest:
        if session.scalar(select(func.count(Batch.id)).where(Batch.account_id == row.id)):
            raise ConfigError(
                f"account {declared.id!r}: its IBAN was used in a sealed file and is not changed by editing bridge.toml"
            )
        row.bank_account_id = _bank_account(session, runtime, iban, bic).id
    if bank_account.bic != bic and bank_account.iban_digest == digest:
        bank_account.bic = bic
    if row.bank != declared.bank:
        row.bank = declared.bank
    _version(session, runtime, "account", declared.id, {"iban": digest.hex(), "bank": declared.bank, "bic": bic})


def _bank_account(session: Session, runtime: Runtime, iban: str, bic: str | None) -> BankAccount:
    key, key_row = runtime.keys.new_key()
    row = seal_account(runtime.keys, key, uid=key.uid, iban=iban, shown=mask(iban), bic=bic)
    session.add_all([key_row, row])
    session.flush()
    return row


def _creditor(session: Session, runtime: Runtime, declared: CreditorSettings) -> None:
    identifier = check_creditor_id(declared.creditor_id)
    key = creditor_key(identifier)
    account = session.scalars(select(Account).where(Account.name == declared.account)).one()
    row = session.scalar(select(Creditor).where(Creditor.key == key))
    if row is None:
        row = Creditor(key=key, creditor_id=identifier, name=declared.name, account_id=account.id)
        session.add(row)
        session.flush()
    used = session.scalar(select(func.count(Batch.id)).where(Batch.creditor_id == row.id))
    if used and (row.name != declared.name or row.creditor_id != identifier):
        raise ConfigError(
            f"creditor {row.name!r} ({row.creditor_id}): its name and identifier were used in a sealed file and are not changed "
            "by editing bridge.toml; write them there as they stand here, or change them by 'bridge creditor amend'"
        )
    row.name, row.creditor_id, row.account_id = declared.name, identifier, account.id
    _version(session, runtime, "creditor", key, declared.model_dump(mode="json"))


def _source(session: Session, runtime: Runtime, declared: SourceSettings) -> None:
    mapping.of(declared.described)
    creditor = session.scalars(select(Creditor).where(Creditor.key == creditor_key(check_creditor_id(declared.creditor)))).one()
    row = session.scalar(select(Source).where(Source.name == declared.name))
    twin = session.scalar(
        select(Source).where(
            Source.chain_id == declared.chain_id, Source.contract == declared.contract, Source.name != declared.name
        )
    )
    if twin is not None:
        raise ConfigError(
            f"source {declared.name!r}: contract {declared.contract} on chain {declared.chain_id} is already source {twin.name!r}"
        )
    if row is None:
        row = Source(
            name=declared.name,
            chain_id=declared.chain_id,
            contract=declared.contract,
            creditor_id=creditor.id,
            verification=declared.profile,
            mapping=declared.described,
        )
        session.add(row)
    if (row.chain_id, row.contract, row.creditor_id) != (declared.chain_id, declared.contract, creditor.id):
        raise ConfigError(
            f"source {declared.name!r}: chain, contract and creditor of a source never change; "
            "give the new contract a new source name"
        )
    if row.mapping != declared.described:
        raise ConfigError(f"source {declared.name!r}: how its event is read never changes; give the contract a new source name")
    row.verification = declared.profile
    shown = declared.model_dump(mode="json", exclude={"rpc"}) | {"endpoints": len(declared.rpc)}
    _version(session, runtime, "source", declared.name, shown)


def _version(session: Session, runtime: Runtime, noun: str, name: str, body: object) -> None:
    """Record a version of a declaration where it differs from the last one."""
    digest = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    last = session.scalar(
        select(Declaration)
        .where(Declaration.noun == noun, Declaration.name == name)
        .order_by(Declaration.version.desc())
        .limit(1)
    )
    if last is not None and last.digest == digest:
        return
    session.add(
        Declaration(
            noun=noun,
            name=name,
            version=1 + (last.version if last else 0),
            digest=digest,
            config_sha256=runtime.settings.sha256,
            recorded_at=runtime.clock(),
        )
    )
