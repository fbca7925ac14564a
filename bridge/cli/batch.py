"""batch: the files for the bank."""

from __future__ import annotations

import typer

from bridge.cli import call, screen
from bridge.errors import UnknownName

app = typer.Typer(
    no_args_is_help=True,
    help="Files for the bank.",
    epilog="Examples:  bridge batch list   ·   bridge batch approve MSGID --actor anna",
)


@app.command("list", epilog="Examples:  bridge batch list   ·   bridge batch list --json")
def list_(context: typer.Context) -> None:
    """All files, oldest first."""
    from bridge.reports import lists

    here = call.of(context)
    with here.runtime().reading() as session:
        found = lists.batches(session)
    rows = [
        (
            b.message_id,
            b.state,
            b.scheme,
            b.collections,
            screen.euro(b.control_sum_cents),
            ", ".join(map(str, b.due_on)),
            b.sha256[:12],
            ", ".join(b.approved_by),
        )
        for b in found
    ]
    here.answer(
        found,
        lambda: screen.table(
            "batches",
            ("message id", "state", "scheme", "debits", "EUR", "due", "sha256", "signed by"),
            rows,
            right=("debits", "EUR"),
        ),
    )


@app.command(epilog="Examples:  bridge batch show MSGID   ·   bridge batch show MSGID --json")
def show(context: typer.Context, message_id: str) -> None:
    """One file: everything a person compares before signing."""
    from bridge.reports import lists

    here = call.of(context)
    with here.runtime().reading() as session:
        found = {b.message_id: b for b in lists.batches(session)}
    if message_id not in found:
        raise UnknownName.among("batch", message_id, found)
    one = found[message_id]
    digits = " ".join(one.sha256[start : start + 4] for start in range(0, 64, 4))
    rows = [(name, getattr(one, name)) for name in one.__dataclass_fields__ if name not in ("sha256", "control_sum_cents")]
    here.answer(
        one,
        lambda: screen.table(
            message_id, ("field", "value"), [*rows, ("control sum EUR", screen.euro(one.control_sum_cents)), ("sha256", digits)]
        ),
    )


@app.command(epilog="Examples:  bridge batch check MSGID   ·   bridge batch check MSGID --json")
def check(context: typer.Context, message_id: str) -> None:
    """Every check of a file by its name, made anew from the sealed bytes: what to look at before signing."""
    from bridge.reports import validation

    here = call.of(context)
    runtime = here.runtime()
    with runtime.reading() as session:
        found = validation.of_batch(session, runtime, message_id)
    failed = [one for one in found if not one.ok]

    def show() -> None:
        rows = [(one.id, "ok" if one.ok else "FAILED", one.title, "" if one.ok else one.detail) for one in found]
        screen.table(message_id, ("check", "", "what it says", "found"), rows)
        screen.lines(f"{len(failed)} of {len(found)} checks failed" if failed else f"all {len(found)} checks are passed")

    here.answer({"ok": not failed, "checks": found}, show)
    raise typer.Exit(4 if failed else 0)


@app.command(epilog="Examples:  bridge batch create --actor anna   ·   bridge batch create --actor anna --json")
def create(context: typer.Context) -> None:
    """Cut files now, whatever the schedule says."""
    from bridge.steps import batch

    here = call.of(context)
    runtime = here.runtime()
    counts = batch.cut(runtime, actor=here.actor(runtime), scheduled=False)
    here.answer(counts, lambda: screen.lines(", ".join(f"{name} {count}" for name, count in counts.items())))


@app.command(
    epilog="Examples:  bridge batch approve MSGID --actor anna   ·   bridge batch approve MSGID --sha256 1a2b3c4d --actor ben"
)
def approve(
    context: typer.Context,
    message_id: str,
    sha256: str = typer.Option("", "--sha256", help="The digits you looked at, 8 or more."),
) -> None:
    """Sign the file's SHA-256."""
    from bridge.acts import approve

    here = call.of(context)
    runtime = here.runtime()
    signed = approve.run(runtime, here.actor(runtime), message_id, sha256=sha256 or None)
    words = f"{message_id} is signed by {', '.join(signed.signed_by)}" + (
        f"; {signed.missing} more is needed" if signed.missing else "; it may be exported"
    )
    here.answer(signed, lambda: screen.lines(words))


@app.command(epilog="Examples:  bridge batch export MSGID --actor anna   ·   bridge batch export MSGID --actor anna --json")
def export(context: typer.Context, message_id: str) -> None:
    """Put the sealed file into the outbox; may be repeated, the bytes are always the same."""
    from bridge.steps import handover

    here = call.of(context)
    runtime = here.runtime()
    path = handover.export(runtime, actor=here.actor(runtime), message_id=message_id)
    here.answer({"message_id": message_id, "file": str(path)}, lambda: screen.lines(str(path)))


@app.command(
    "mark-uploaded",
    epilog=(
        "Examples:  bridge batch mark-uploaded MSGID --actor anna   ·   "
        "bridge batch mark-uploaded MSGID --reference 4711 --sha256 1a2b3c4d --actor ben"
    ),
)
def mark_uploaded(
    context: typer.Context,
    message_id: str,
    reference: str = typer.Option("", "--reference", help="What the portal called it."),
    sha256: str = typer.Option("", "--sha256", help="Digits of the hash that the portal shows."),
) -> None:
    """The file is at the bank: now the ledger moves."""
    from bridge.acts import confirm_upload

    here = call.of(context)
    runtime = here.runtime()
    done = confirm_upload.run(runtime, here.actor(runtime), message_id, reference=reference, sha256=sha256 or None)
    words = f"{message_id} is at the bank" if done else f"{message_id} was marked before; nothing changed"
    here.answer({"message_id": message_id, "new": done}, lambda: screen.lines(words))


@app.command(
    "undo-upload",
    epilog=(
        "Examples:  bridge batch undo-upload MSGID --reason 'the portal refused it' --actor anna   ·   "
        "bridge batch undo-upload MSGID --reason 'wrong button' --actor ben"
    ),
)
def undo_upload(context: typer.Context, message_id: str, reason: str = typer.Option("", "--reason")) -> None:
    """The file is not at the bank after all: two people say so, and the bank has said nothing about it."""
    from bridge.acts import undo_upload

    here = call.of(context)
    runtime = here.runtime()
    undone = undo_upload.run(runtime, here.actor(runtime), message_id, reason)
    words = f"the upload of {message_id} is undone; {undone.back} collection(s) are batched again"
    here.answer(undone, lambda: screen.lines(_one_more(undone.missing) or words))


@app.command(
    epilog=(
        "Examples:  bridge batch withdraw MSGID --reference 'letter of 3 December' --actor anna   ·   "
        "bridge batch withdraw MSGID --only INV-7-1 --reference 4711 --actor ben"
    )
)
def withdraw(
    context: typer.Context,
    message_id: str,
    only: list[str] = typer.Option([], "--only", help="An EndToEndId; may be given several times. Without it: the whole file."),
    reference: str = typer.Option("", "--reference", help="The bank's written word; both people give the same."),
) -> None:
    """The bank took debits back before it booked them: two people record its written word."""
    from bridge.acts import withdraw

    here = call.of(context)
    runtime = here.runtime()
    done = withdraw.run(runtime, here.actor(runtime), message_id, reference=reference, only=only)
    words = f"{len(done.withdrawn)} debit(s) of {message_id} are withdrawn; their invoices are open again"
    here.answer(done, lambda: screen.lines(_one_more(done.missing) or words))


@app.command(
    epilog=(
        "Examples:  bridge batch discard MSGID --reason 'wrong date' --actor anna   ·   "
        "bridge batch discard MSGID --not-uploaded --reason 'the portal was down' --actor ben"
    )
)
def discard(
    context: typer.Context,
    message_id: str,
    reason: str = typer.Option("", "--reason"),
    not_uploaded: bool = typer.Option(
        False, "--not-uploaded", help="I state that the exported file never reached the bank; a second person must too."
    ),
) -> None:
    """Give up a file; its collections are free again. After its export two people state that it was not uploaded."""
    from bridge.acts import discard

    here = call.of(context)
    runtime = here.runtime()
    done = discard.run(runtime, here.actor(runtime), message_id, reason, not_uploaded=not_uploaded)
    words = f"{message_id} is discarded; {done.freed} collection(s) are free again"
    here.answer(done, lambda: screen.lines(_one_more(done.missing) or words))


@app.command(
    epilog=(
        "Examples:  bridge batch reject MSGID --reason 'not ours' --actor ben   ·   "
        "bridge batch reject MSGID --reason sum --actor anna"
    )
)
def reject(context: typer.Context, message_id: str, reason: str = typer.Option("", "--reason")) -> None:
    """Refuse to sign a file: it is given up before it leaves."""
    discard(context, message_id, reason, not_uploaded=False)


def _one_more(missing: int) -> str:
    return "one more person is needed: the same command by somebody else; one of the two is an approver" if missing else ""
