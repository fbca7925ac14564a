"""The nouns. Who points at whom:

    Creditor -> Account -> BankAccount            Source -> Creditor;  Cursor, ChainLog -> Source
    Mandate  -> Creditor, Person, BankAccount     Amendment -> Mandate, BankAccount, Person;  Invoice -> Source, ChainLog
    Collection -> Invoice, Mandate, Account       Member -> Block -> Batch -> Document;  Cut -> Batch
    StatusReportLine -> StatusReport -> Document  Detail -> Entry -> Statement -> Document
    Posting -> Voucher;  Move -> Voucher          Match -> Entry, Collection, Voucher;  Break names its subject
    Token -> User;  Consent names its object      VoucherSeal -> Voucher, Audit
    LegalHold -> Mandate;  Notice -> Collection, Document;  DataKey -> WrappingKey
    Orphan -> ChainLog;  Observation -> ChainLog, Invoice;  Attestation -> Invoice, Move

Declarative classes and their constraints; no session, no query. ``state`` and ``version`` of Invoice, Collection, Batch and
Mandate, and all of Move, Voucher and Posting are written by books alone.
"""

from bridge.model.audit import Audit
from bridge.model.bank import Detail, Entry, Statement, StatusReport, StatusReportLine
from bridge.model.base import Base
from bridge.model.batch import Approval, Batch, Block, Cut, Member
from bridge.model.collection import Collection
from bridge.model.creditor import Account, Creditor, Declaration
from bridge.model.document import Document, DocumentChunk
from bridge.model.invoice import Invoice
from bridge.model.ledger import Move, Posting, Voucher, VoucherSeal
from bridge.model.mandate import Amendment, LegalHold, Mandate
from bridge.model.notice import Notice
from bridge.model.parties import BankAccount, Person
from bridge.model.reconciliation import Break, Match
from bridge.model.sealed import DataKey, WrappingKey
from bridge.model.source import Attestation, ChainLog, Cursor, Observation, Orphan, Source
from bridge.model.step_run import StepRun
from bridge.model.users import Consent, Token, User

__all__ = [
    "Account",
    "Amendment",
    "Approval",
    "Attestation",
    "Audit",
    "BankAccount",
    "Base",
    "Batch",
    "Block",
    "Break",
    "ChainLog",
    "Collection",
    "Consent",
    "Creditor",
    "Cursor",
    "Cut",
    "DataKey",
    "Declaration",
    "Detail",
    "Document",
    "DocumentChunk",
    "Entry",
    "Invoice",
    "LegalHold",
    "Mandate",
    "Match",
    "Member",
    "Move",
    "Notice",
    "Observation",
    "Orphan",
    "Person",
    "Posting",
    "Source",
    "Statement",
    "StatusReport",
    "StatusReportLine",
    "StepRun",
    "Token",
    "User",
    "Voucher",
    "VoucherSeal",
    "WrappingKey",
]
