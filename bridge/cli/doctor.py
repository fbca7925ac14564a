"""doctor: what is wrong with the set-up, each thing once, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from bridge.cli import call, screen
from bridge.errors import BridgeError, ConfigError

if TYPE_CHECKING:
    from bridge.settings import AccountSettings, SourceSettings

Look = Callable[[], str]
WARNING = "warning: "


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Examples:  bridge doctor   ·   bridge doctor --relearn --actor anna")(doctor)


def doctor(
    context: typer.Context,
    relearn: bool = typer.Option(
        False, "--relearn", help="Let a restored backup learn from the outbox which files left since; nothing is sent."
    ),
) -> None:
    """Check config, database, keys, broker, sources, outbox, inbox and bank profiles, and say how to fix what is wrong."""
    here = call.of(context)
    if relearn:
        raise typer.Exit(_relearn(here))
    found = _examined(_examinations(here))
    ok = all(one["ok"] for one in found)
    here.answer(
        {"ok": ok, "checks": found},
        lambda: screen.table("doctor", ("", "what", "said"), [(_mark(one), one["id"], one["detail"]) for one in found]),
    )
    raise typer.Exit(0 if ok else 4)


def _relearn(here: call.Call) -> int:
    from bridge.acts import relearn

    runtime = here.runtime()
    found = relearn.run(runtime, here.actor(runtime, "doctor --relearn"))
    rows = [(one.message_id, one.what, one.problem) for one in found]
    here.answer(
        found,
        lambda: (
            screen.table("learned from the outbox", ("message id", "what", "missing"), rows)
            if rows
            else screen.lines("the manifest and the database know the same files")
        ),
    )
    return 4 if relearn.problems(found) else 0


def _mark(one: dict[str, Any]) -> str:
    return "WRONG" if not one["ok"] else "look" if one["detail"].startswith(WARNING) else "ok"


def _examined(examinations: list[tuple[str, Look]]) -> list[dict[str, Any]]:
    """Each finding under one head only: what could not be looked at because of it says where it stands."""
    found, said = [], dict[str, str]()
    for what, look in examinations:
        try:
            ok, detail = True, look() or "ok"
        except BridgeError as problem:
            first = said.setdefault(str(problem), what)
            ok, detail = False, str(problem) if first == what else f"not looked at: see {first}"
        found.append({"id": what, "title": what, "ok": ok, "detail": detail})
    return found


def _trust(source: SourceSettings) -> str:
    """What stands behind the blocks of a source, in words: the weak spots first."""
    counted = "" if source.mapping is None else "; its contract does not count invoices: that none is missing is not proven"
    if source.profile == "none":
        return f"verification none: nothing is proven about the node{counted}"
    if source.agreeing == 1:
        return f"verification {source.profile}, but one node alone says which block is final; add a second rpc{counted}"
    return f"verification {source.profile}, {source.agreeing} of {len(source.rpc)} nodes agree{counted}"


def _examinations(here: call.Call) -> list[tuple[str, Look]]:
    def config() -> str:
        settings = here.settings()
        if not settings.accounts or not settings.creditors or not settings.sources:
            missing = [n for n in ("accounts", "creditors", "sources") if not getattr(settings, n)]
            raise ConfigError(f"bridge.toml declares no {', no '.join(missing)} yet; fill in the commented lines")
        return f"{len(settings.accounts)} account(s), {len(settings.creditors)} creditor(s), {len(settings.sources)} source(s)"

    def database() -> str:
        return f"{here.runtime().engine.dialect.name}, migrated"

    def sources() -> str:
        runtime = here.runtime()
        said = []
        for source in runtime.settings.sources:
            head = runtime.source(source).final_head()
            block = head.number if head else "none"
            said.append(f"{source.name}: final block {block} ({_trust(source)})")
        return "; ".join(said) or "none declared"

    def broker() -> str:
        settings = here.settings()
        if not settings.broker.url:
            return "none: 'bridge run' rings"
        from bridge import tasks

        policy = tasks.reach(settings.broker)
        if policy != "noeviction":
            raise ConfigError(f"the broker may drop rings when its memory is full ({policy}); set maxmemory-policy noeviction")
        return f"{settings.broker.shown} answers, noeviction"

    return [
        ("config", config),
        *_profiles(here),
        ("database", database),
        ("clock", lambda: _clock(here)),
        ("statements", lambda: _statements(here)),
        ("role", lambda: _role(here)),
        ("keys", lambda: _keys(here)),
        ("people", lambda: _first_admin(here)),
        ("broker", broker),
        ("sources", sources),
        ("outbox", lambda: _outbox(here)),
        ("inbox", lambda: _inbox(here)),
    ]


def _outbox(here: call.Call) -> str:
    from bridge import custody
    from bridge.transport import folder

    runtime = here.runtime()
    custody.check_manifest(runtime)
    folder.usable(runtime.settings.folder("outbox"))
    return "the manifest is not ahead of the database"


def _inbox(here: call.Call) -> str:
    from bridge.transport import folder

    folder.usable(here.settings().folder("inbox"))
    return "inbox can be read and written"


def _role(here: call.Call) -> str:
    from bridge import privileges

    with here.runtime().engine.connect() as connection:
        privileges.require(connection)
        excess = privileges.excess(connection)
        engine = connection.dialect.name
    if excess:
        return f"{WARNING}our role {'; it '.join(excess)}. Give the app one of its own: bridge db grant ROLE"
    return "SQLite has no roles" if engine == "sqlite" else "our role can drop no trigger and undo no row of money"


def _clock(here: call.Call) -> str:
    from bridge.reports import clock

    runtime = here.runtime()
    with runtime.reading() as session:
        ahead = clock.recorded_ahead(session, now := runtime.clock())
    if ahead is None:
        return f"{now.astimezone(runtime.zone):%Y-%m-%d %H:%M %Z}, nothing was recorded later"
    here_and_now, then = (f"{one.astimezone(runtime.zone):%Y-%m-%d %H:%M}" for one in (now, ahead))
    told = f"it is {here_and_now}, but something was recorded at {then}"
    more = "nothing is cut or collected twice by that, but a report with --known-at may change for a time in between"
    cause = (
        "a clock was wrong, or is"
        if runtime.settings.environment == "production"
        else "rehearsed with --clock, or a clock was wrong"
    )
    return f"{WARNING}{told}: {cause}; {more}"


def _statements(here: call.Call) -> str:
    from bridge.reports import clock

    runtime = here.runtime()
    with runtime.reading() as session:
        ahead = clock.statements_ahead(session, today := runtime.today())
    if not ahead:
        return f"none that was booked is dated after {today}"
    listed = ", ".join(f"{account} {on}" for account, on in ahead.items())
    return f"{WARNING}the last booked statement is dated after {today}: {listed}; see whether our clock is right, or ask the bank"


def _keys(here: call.Call) -> str:
    from bridge.reports import keys

    runtime = here.runtime()
    with runtime.reading() as session:
        found = keys.status(session, runtime)
    if lost := keys.lost(found):
        raise ConfigError(lost)
    left = keys.unfinished(found)
    return f"{WARNING}{left}" if left else f"{runtime.keys.newest().current} is current, and everything is sealed under it"


def _first_admin(here: call.Call) -> str:
    from bridge import identity

    runtime = here.runtime()
    with runtime.reading() as session:
        if identity.an_admin_can_act(session, runtime.clock()):
            return "an admin can act"
    if runtime.settings.environment == "production":
        raise ConfigError("no admin has a token that works; make one with 'bridge user add NAME --role admin'")
    return "no admin has a token yet; production needs one"


def _profiles(here: call.Call) -> list[tuple[str, Look]]:
    """One examination for each account's profile, which needs no database; none where bridge.toml itself is wrong."""
    try:
        settings = here.settings()
    except BridgeError:
        return []
    return [(f"profile {account.id}", partial(_profile, here, account)) for account in settings.accounts]


def _profile(here: call.Call, account: AccountSettings) -> str:
    """What the account's bank takes, and in which file that stands."""
    from bridge import resources
    from bridge.formats import profiles

    folders = resources.folders("templates/banks", here.settings().home)
    profile = profiles.load(account.bank, folders)
    path = profiles.path(account.bank, folders)
    where = "as it ships" if path.parent == folders[0] else f"your own, {path}"
    days = f"{profile.lead_days} bank day{'' if profile.lead_days == 1 else 's'} before the due date"
    until = f"{profile.cut_off} {profile.timezone}, {days}"
    said = f"{profile.name} ({where}): {profile.version}, addresses {profile.address}, a file by {until}"
    if profile.lead_days:
        return said
    return f"{WARNING}lead_days = 0 takes a file on the due date itself; between banks it is 1 at least, so ask your bank; {said}"
