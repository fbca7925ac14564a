"""The triggers that keep rows of money as they were written: one list for both engines, recreated after every migration.

What triggers cannot stop (an owner who drops them) ``bridge check`` makes visible, above all by the chain over the vouchers.
"""

from __future__ import annotations

from collections.abc import Iterator

#: rows that are only ever added
APPEND_ONLY = (
    "amendment", "approval", "audit", "block", "chain_log", "consent", "cut", "declaration", "document", "document_chunk",
    "legal_hold", "match", "member", "move", "observation", "orphan", "posting", "voucher", "voucher_seal",
)  # fmt: skip
#: rows that have a state, and their columns that never change
FROZEN = {
    "attestation": ("invoice_id", "move_id", "outcome", "salt", "evidence_hash"),
    "batch": ("message_id", "account_id", "document_id", "sha256", "bytes", "collections", "control_sum_cents", "file_name"),
    "collection": ("invoice_id", "attempt", "end_to_end_id", "amount_cents"),
    "entry": ("statement_id", "ordinal", "amount_cents", "booked_on"),
    "invoice": ("chain_id", "contract", "claim_id", "number", "amount_cents", "currency", "chain_log_id"),
    "notice": ("collection_id", "amount_cents", "due_on", "channel", "document_id"),
    "statement": ("document_id", "ordinal", "opening_cents", "closing_cents"),
    "token": ("user_id", "digest", "recorded_at", "created_by"),
    "bridge_user": ("name", "name_key", "recorded_at", "created_by"),
}
NEVER_DELETED = tuple(FROZEN)
#: what a trigger of PostgreSQL does
FORBID = " BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = '23514'; END "


def names() -> list[str]:
    """The names of all triggers that must be present; PostgreSQL has those against TRUNCATE in addition."""
    return sorted(name for name, *_ in _wanted())


def statements(dialect: str) -> list[str]:
    """The DDL that drops and creates every trigger, for "sqlite" or "postgresql"."""
    return list(_sqlite() if dialect == "sqlite" else _postgresql())


def as_stored(dialect: str) -> dict[str, str]:
    """Name of each trigger -> its words as the database gives them back; PostgreSQL without quotes, with what it calls."""
    created = [words for words in statements(dialect) if words.startswith("CREATE TRIGGER")]
    named = {words.split('"')[1]: words for words in created}
    return named if dialect == "sqlite" else {name: f"{words}; O; {FORBID}".replace('"', "") for name, words in named.items()}


def _wanted() -> Iterator[tuple[str, str, str, str]]:
    """(name, table, event, message) of each trigger."""
    for table in APPEND_ONLY:
        yield f"no_update_{table}", table, "UPDATE", f"rows of {table} are never changed"
        yield f"no_delete_{table}", table, "DELETE", f"rows of {table} are never deleted"
    for table in NEVER_DELETED:
        yield f"no_delete_{table}", table, "DELETE", f"rows of {table} are never deleted"
    for table, columns in FROZEN.items():
        yield f"frozen_{table}", table, f"UPDATE OF {', '.join(columns)}", f"what a {table} says never changes"


def _sqlite() -> Iterator[str]:
    for name, table, event, message in _wanted():
        yield f'DROP TRIGGER IF EXISTS "{name}"'
        yield f'CREATE TRIGGER "{name}" BEFORE {event} ON "{table}" BEGIN SELECT RAISE(ABORT, \'{message}\'); END'


def _postgresql() -> Iterator[str]:
    yield f"CREATE OR REPLACE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $${FORBID}$$"
    for name, table, event, message in _wanted():
        yield f'DROP TRIGGER IF EXISTS "{name}" ON "{table}"'
        yield f'CREATE TRIGGER "{name}" BEFORE {event} ON "{table}" FOR EACH ROW EXECUTE FUNCTION forbid(\'{message}\')'
    for table in (*APPEND_ONLY, *NEVER_DELETED):  # row triggers do not see TRUNCATE
        yield f'DROP TRIGGER IF EXISTS "no_truncate_{table}" ON "{table}"'
        yield (
            f'CREATE TRIGGER "no_truncate_{table}" BEFORE TRUNCATE ON "{table}" '
            f"FOR EACH STATEMENT EXECUTE FUNCTION forbid('rows of {table} are never deleted')"
        )
