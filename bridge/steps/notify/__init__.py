"""Tell every debtor of his debit, long enough before it (EPC016-06, AT-T014), and keep the exact text, recipient and time.

A notice is written and stored before it is sent; what was stored and not sent is sent by the next run, word for word. A notice
that comes too late moves the due date; one that cannot be delivered is a Break, and the debit waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from hashlib import sha256

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bridge import announcing, archive, books, shards
from bridge.books import Recorder
from bridge.errors import BadInput, ConfigError
from bridge.model import (
    Account,
    Amendment,
    BankAccount,
    Collection,
    Creditor,
    DataKey,
    Document,
    Invoice,
    Mandate,
    Notice,
    Person,
)
from bridge.model.parties import open_address, open_email, open_name
from bridge.model.sealed import Key
from bridge.records.pain008 import Address
from bridge.rules import calendar, notices
from bridge.runtime import Runtime
from bridge.settings import CollectionRules
from bridge.steps.notify import text
from bridge.transport import mail

ACTOR = "notify"
AT_ONCE = 200
LETTERS = "letters"  # the folder of letters to be printed, beside bridge.toml


@dataclass(frozen=True, slots=True)
class Waiting:
    """A debit whose debtor must still be told, by when it is then due."""

    collection: Collection
    due_on: date
    days: int


def run(runtime: Runtime) -> dict[str, int]:
    """Write what must be announced, then send it. Raises Unavailable where the mail server takes nothing; what is left waits."""
    counts: Counter[str] = Counter()
    for creditor_id, rules in runtime.work(partial(_creditors, runtime=runtime)):
        with shards.claimed(runtime, ACTOR, creditor_id) as ours:
            counts += _plan_all(runtime, creditor_id, rules) if ours else Counter()
    with shards.claimed(runtime, ACTOR) as ours:  # two who send what is planned would tell a debtor twice
        if ours:
            counts += _print(runtime)
            counts += _send(runtime)
    return {name: counts[name] for name in ("planned", "sent", "printed", "failed", "moved")}


def _plan_all(runtime: Runtime, creditor_id: int, rules: CollectionRules) -> Counter[str]:
    counts: Counter[str] = Counter()
    after = 0
    while True:
        done, after = runtime.work(partial(_plan, runtime=runtime, creditor_id=creditor_id, rules=rules, after=after))
        counts += done
        if not after:
            return counts


def waiting(session: Session, runtime: Runtime, creditor_id: int, rules: CollectionRules, after: int = 0) -> list[Waiting]:
    """The next debits of a creditor, by id, whose debtors must still be told."""
    account = session.get_one(Account, session.get_one(Creditor, creditor_id).account_id)
    profile, now = runtime.profile(account.bank), runtime.clock().astimezone(runtime.zone)
    pending = list(
        session.scalars(
            select(Collection)
            .join(Invoice, Invoice.id == Collection.invoice_id)
            .where(Collection.state == "pending", Invoice.creditor_id == creditor_id, Collection.id > after)
            .order_by(Collection.id)
            .limit(AT_ONCE)
        )
    )
    dates = {one.id: calendar.due_on(one.due_on, now, profile) for one in pending}
    missing = announcing.why_not(session, pending, rules, dates)
    days = announcing.days_of(session, pending, rules)
    found = []
    for one in pending:
        earliest = notices.earliest_due(runtime.today(), days[one.mandate_id])
        if one.id in missing:
            due_on = calendar.due_on(max(dates[one.id], earliest), now, profile)
            found.append(Waiting(one, due_on, days[one.mandate_id]))
    return found


@dataclass(frozen=True, slots=True)
class Outlook:
    """A debit of which its debtor must be told; ``asked_on`` is the date that it had."""

    end_to_end_id: str
    amount_cents: int
    asked_on: date
    due_on: date
    channel: str


def outlook(session: Session, runtime: Runtime) -> list[Outlook]:
    """What the next run would announce, at most the first of each creditor's many."""
    found: list[Outlook] = []
    for creditor_id, rules in _creditors(session, runtime):
        for one in waiting(session, runtime, creditor_id, rules):
            debit = one.collection
            asked = (debit.end_to_end_id, debit.amount_cents, debit.due_on, one.due_on)
            found.append(Outlook(*asked, rules.prenotification))
    return found


def _creditors(session: Session, runtime: Runtime) -> list[tuple[int, CollectionRules]]:
    """Those who announce their debits themselves."""
    every = [(row.id, runtime.settings.rules_for(row.creditor_id)) for row in session.scalars(select(Creditor))]
    return [(creditor_id, rules) for creditor_id, rules in every if rules.prenotification != notices.ELSEWHERE]


def _plan(session: Session, runtime: Runtime, creditor_id: int, rules: CollectionRules, after: int) -> tuple[Counter[str], int]:
    """Write the notices of one chunk of debits; returns counts and the last id looked at, 0 at the end."""
    last = session.scalars(
        select(Collection.id)
        .join(Invoice, Invoice.id == Collection.invoice_id)
        .where(Collection.state == "pending", Invoice.creditor_id == creditor_id, Collection.id > after)
        .order_by(Collection.id)
        .limit(AT_ONCE)
    ).all()
    counts: Counter[str] = Counter()
    breaks = []
    for one in waiting(session, runtime, creditor_id, rules, after):
        if _is_open(session, runtime, one):
            continue
        try:
            counts += _write(session, runtime, one, rules)
        except BadInput as problem:
            breaks.append((announcing.FAILED, f"collection:{one.collection.id}", str(problem), announcing.THEN))
            counts["failed"] += 1
    books.open_breaks(session, breaks, Recorder(ACTOR, runtime.clock()), runtime.today())
    runtime.fault("notify: before commit")
    return counts, last[-1] if len(last) == AT_ONCE else 0


def _is_open(session: Session, runtime: Runtime, one: Waiting) -> bool:
    """Whether a notice is on its way that can be in time, or was refused and nothing changed since; others are overtaken."""
    if _was_refused(session, one.collection):
        return True
    waiting_ones = session.scalars(
        select(Notice).where(Notice.collection_id == one.collection.id, Notice.state.in_(("planned", "printed", "sent")))
    ).all()
    still = False
    for notice in waiting_ones:
        on_time = notice.state != "sent" and notices.earliest_due(runtime.today(), one.days) <= notice.due_on
        if on_time and notice.amount_cents == one.collection.amount_cents and notice.due_on == one.collection.due_on:
            still = True
        else:
            notice.state, notice.reason = "overtaken", "its amount or date could not be kept"
    session.flush()
    return still


def _was_refused(session: Session, collection: Collection) -> bool:
    """Whether the newest notice could not be delivered, and the debtor's data are what they were."""
    newest = session.scalar(select(Notice).where(Notice.collection_id == collection.id).order_by(Notice.id.desc()).limit(1))
    if newest is None or newest.state != "failed":
        return False
    new_data = Amendment.kind.in_(("debtor", "contact"))
    corrected = select(Amendment.id).where(Amendment.mandate_id == collection.mandate_id, new_data)
    return session.scalar(corrected.where(Amendment.recorded_at > (newest.sent_at or newest.recorded_at)).limit(1)) is None


def _write(session: Session, runtime: Runtime, one: Waiting, rules: CollectionRules) -> Counter[str]:
    """Store the exact text of one notice, and the date that it promises. Raises BadInput where nobody can be told."""
    collection = one.collection
    facts, person, key = _facts(session, runtime, one)
    name = f"notice-{collection.end_to_end_id}-{one.due_on:%Y%m%d}"
    if rules.prenotification == "email":
        recipient = open_email(key, person)
        if not recipient:
            raise BadInput(f"{collection.end_to_end_id}: its debtor has no e-mail address")
        smtp = runtime.settings.smtp
        if smtp is None:
            raise ConfigError("prenotification = 'email' needs [smtp] in bridge.toml: host and sender")
        body = text.mail(runtime, facts, name=name, recipient=recipient, sender=smtp.sender)
        shown = text.shown(recipient)
    else:
        body = text.letter(runtime, facts, address=_envelope(open_name(key, person), open_address(key, person)))
        shown = "by post"
    at = runtime.clock()
    document = archive.known(session, sha256(body).hexdigest()) or archive.keep(
        session, runtime.keys, body, direction="sent", kind="notice", name=name, actor=ACTOR, at=at
    )
    moved = int(collection.due_on != one.due_on)
    session.execute(update(Collection).where(Collection.id == collection.id).values(due_on=one.due_on))
    session.add(
        Notice(
            collection_id=collection.id,
            amount_cents=collection.amount_cents,
            due_on=one.due_on,
            channel=rules.prenotification,
            document_id=document.id,
            shown=shown,
            state="planned",
            actor=ACTOR,
            recorded_at=at,
        )
    )
    session.flush()
    return Counter(planned=1, moved=moved)


def _facts(session: Session, runtime: Runtime, one: Waiting) -> tuple[text.Facts, Person, Key]:
    collection = one.collection
    invoice = session.get_one(Invoice, collection.invoice_id)
    mandate = session.get_one(Mandate, collection.mandate_id)
    creditor = session.get_one(Creditor, invoice.creditor_id)
    person = session.get_one(Person, mandate.person_id)
    key = runtime.keys.unwrap(session.scalars(select(DataKey).where(DataKey.uid == person.key_uid)).one())
    facts = text.Facts(
        number=invoice.number,
        amount_cents=collection.amount_cents,
        due_on=one.due_on,
        first=invoice.period_start.astimezone(runtime.zone).date(),
        last=(invoice.period_end - timedelta(seconds=1)).astimezone(runtime.zone).date(),
        account=session.get_one(BankAccount, mandate.bank_account_id).shown,
        mandate_id=mandate.mandate_id,
        creditor_id=creditor.creditor_id,
        creditor=creditor.name,
        language=person.language,
    )
    return facts, person, key


def _envelope(name: str, address: Address | None) -> str:
    """Name and address as they stand in the window of an envelope. Raises BadInput where there is none."""
    if address is None or not address.town:
        raise BadInput("its debtor has no postal address")
    street = " ".join(filter(None, (address.street, address.building)))
    town = " ".join(filter(None, (address.postcode, address.town)))
    return "\n".join(filter(None, (name, street, *address.lines, town, address.country)))


def _print(runtime: Runtime) -> Counter[str]:
    """Put letters into the folder that is printed from; they count from the day on which somebody says that they were posted."""
    counts: Counter[str] = Counter()
    for notice_id, document_id in runtime.work(partial(_planned, channel="letter")):
        folder = runtime.settings.folder(LETTERS)
        folder.mkdir(exist_ok=True)
        with runtime.reading() as session:
            document = session.get_one(Document, document_id)
            body, name = archive.fetch(session, runtime.keys, document), document.name
        (folder / f"{name}.txt").write_bytes(body)
        counts["printed"] += runtime.work(partial(_set, runtime=runtime, notice_id=notice_id, state="printed"))
    return counts


def _send(runtime: Runtime) -> Counter[str]:
    counts: Counter[str] = Counter()
    planned = runtime.work(partial(_planned, channel="email"))
    if not planned:
        return counts
    smtp = runtime.settings.smtp
    if smtp is None:
        raise ConfigError("prenotification = 'email' needs [smtp] in bridge.toml: host and sender")
    with mail.connected(smtp) as mailer:
        for notice_id, document_id in planned:
            with runtime.reading() as session:
                document = session.get_one(Document, document_id)
                body = archive.fetch(session, runtime.keys, document)
            try:
                mailer.send(smtp.sender, text.recipient(body), body)
            except BadInput as problem:
                done = partial(_set, runtime=runtime, notice_id=notice_id, state="failed", reason=str(problem))
                counts["failed"] += runtime.work(done)
                continue
            runtime.fault("notify: after sending")
            counts["sent"] += runtime.work(partial(_set, runtime=runtime, notice_id=notice_id, state="sent"))
    return counts


def _planned(session: Session, channel: str) -> Sequence[tuple[int, int]]:
    """Notices that are written and not sent, and still of use: their debit waits."""
    found = (
        select(Notice.id, Notice.document_id)
        .join(Collection, Collection.id == Notice.collection_id)
        .where(Notice.state == "planned", Notice.channel == channel, Collection.state == "pending")
        .order_by(Notice.id)
    )
    return [(notice_id, document_id) for notice_id, document_id in session.execute(found)]


def _set(session: Session, runtime: Runtime, notice_id: int, state: str, reason: str = "") -> int:
    """What became of a notice; returns 1 where nobody said so before."""
    values: dict[str, object] = {"state": state, "reason": reason}
    if state == "sent":
        values |= {"sent_on": runtime.today(), "sent_at": runtime.clock()}
    this = update(Notice).where(Notice.id == notice_id, Notice.state.in_(("planned", "printed")))
    done = session.execute(this.values(values).returning(Notice.collection_id)).all()
    by = Recorder(ACTOR, runtime.clock())
    for (collection_id,) in done:
        subject = f"collection:{collection_id}"
        if state == "failed":
            books.open_breaks(session, [(announcing.FAILED, subject, reason, announcing.THEN)], by, runtime.today())
        elif state == "sent":
            books.close_breaks(session, [subject], by, "the debtor was told", kinds=[announcing.FAILED])
    return len(done)
