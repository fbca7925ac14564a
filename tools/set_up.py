"""Make ``.venv`` (and ``.node``) in the checkout hold exactly what a target needs: ``set_up.py demo`` or ``set_up.py test``.

Runs under any Python from 3.11 on with nothing installed: neither pip, ensurepip nor a virtual environment is taken for granted.
Each stage ends by writing a stamp that names its input (lock file, project table, Python); a stage without its stamp is made
again, and a ``.venv`` whose first stage never ended is removed: a failed or interrupted set-up is not in the way of the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".stamps"
LOG = ROOT / "build" / "setup.log"
INDEX = "https://pypi.org/simple/pip/"
# Settings of pip that would send packages elsewhere than into .venv, or change what is installed. Mirrors and proxies stay.
NOT_OURS = {
    "PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_CONSTRAINT", "PIP_REQUIREMENT",
    "PIP_DRY_RUN", "PIP_NO_BINARY", "PIP_EDITABLE", "PIP_REQUIRE_HASHES", "PIP_NO_DEPS", "PIP_LOG", "PIP_QUIET", "PIP_VERBOSE",
}  # fmt: skip
OURS = {
    "PIP_USER": "0",
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "PYTHONNOUSERSITE": "1",
    # npm trusts the certificates of this machine, as pip does: a company's proxy has one of its own.
    "NODE_OPTIONS": f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip(),
}
PIP_MISSING = """no pip: this Python has neither ensurepip nor pip, and pip could not be fetched from {index}
  ({why})
  Debian, Ubuntu: apt install python3-venv (and ca-certificates, if it is the certificate). Then run the same command again."""


class SetUpFailed(Exception):
    """Something outside is missing or did not answer; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the set-up: done when its stamp holds this fingerprint of what it was made from."""

    name: str
    made_from: str
    make: Callable[[], None]

    @property
    def stamp(self) -> Path:
        return STAMPS / self.name.split()[0]

    def is_done(self) -> bool:
        return self.stamp.is_file() and self.stamp.read_text() == fingerprint(self.made_from)


def main() -> int:
    """Run the stages that the target lacks; 0 if all are done."""
    if sys.argv[1:] not in (["demo"], ["test"]):
        print("usage: set_up.py demo|test", file=sys.stderr)
        return 2
    try:
        with only_one_at_a_time():
            for stage in stages(sys.argv[1]):
                if not stage.is_done():
                    run_stage(stage)
    except SetUpFailed as failure:
        print(f"set-up: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nset-up: interrupted; the next make goes on from the last finished stage", file=sys.stderr)
        return 130
    return 0


def stages(target: str) -> list[Stage]:
    """What the target needs, in order."""
    lock, test_lock = (ROOT / "requirements.lock").read_text(), (ROOT / "requirements-test.lock").read_text()
    wanted = [
        Stage("venv", f"{ROOT} {sys.base_prefix} {sys.version}", make_venv),
        Stage("packages of requirements.lock", lock, lambda: install_lock("requirements.lock")),
        Stage("sdd-bridge itself", project_table(), install_project),
    ]
    if target == "test":
        wanted.append(Stage("test packages of requirements-test.lock", test_lock, lambda: install_lock("requirements-test.lock")))
        node_lock = ROOT / "contracts" / "package-lock.json"
        if node_lock.is_file():
            node = Stage("node packages (solc, anvil)", node_lock.read_text(), install_node)
            if not (ROOT / ".node").is_dir():  # it lies outside .venv, so it can go alone
                node.stamp.unlink(missing_ok=True)
            wanted.append(node)
    return wanted


def run_stage(stage: Stage) -> None:
    """Make one stage, say how long it took, and stamp it last."""
    started = time.monotonic()
    stage.stamp.unlink(missing_ok=True)
    print(f"set-up: {stage.name} ...", end="", flush=True)
    try:
        stage.make()
    except BaseException:
        print(" failed")
        raise
    STAMPS.mkdir(exist_ok=True)
    stage.stamp.write_text(fingerprint(stage.made_from))
    print(f" {time.monotonic() - started:.0f} s")


def make_venv() -> None:
    """A fresh .venv with pip in it; what stands there without a stamp is half-made and goes."""
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    call([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
    why = []
    for way in (pip_from_ensurepip, pip_from_this_python, pip_from_the_index):
        try:
            way()
            call([str(PYTHON), "-m", "pip", "--version"])
        except (SetUpFailed, OSError, ValueError) as failure:
            why.append(str(failure).splitlines()[-1].strip())
        else:
            return
    raise SetUpFailed(PIP_MISSING.format(index=INDEX, why=why[-1]))


def pip_from_ensurepip() -> None:
    """The usual way; Debian without python3-venv has no ensurepip."""
    call([str(PYTHON), "-m", "ensurepip", "--default-pip"])


def pip_from_this_python() -> None:
    """The system's pip fetches a pip for .venv: ``--target`` is allowed under PEP 668 and known to every pip."""
    site = site_packages()
    call([sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(site), *pinned("pip")])


def pip_from_the_index() -> None:
    """No pip anywhere: take the pinned wheel from the index by its hash, and let it install itself."""
    request = urllib.request.Request(INDEX, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - a constant https address
        files = json.load(answer)["files"]
    hashes = (ROOT / "tools" / "pip.lock").read_text()
    wheel = next((f for f in files if f["filename"].endswith(".whl") and f["hashes"].get("sha256", "-") in hashes), None)
    if wheel is None:
        raise SetUpFailed("the pip of tools/pip.lock is not in the index")
    with urllib.request.urlopen(wheel["url"], timeout=60) as answer:  # noqa: S310 - the hash decides what is used
        body = answer.read()
    if hashlib.sha256(body).hexdigest() != wheel["hashes"]["sha256"]:
        raise SetUpFailed("the pip that was fetched is not the pinned one")
    file = VENV / wheel["filename"]
    file.write_bytes(body)
    call([str(PYTHON), f"{file}/pip", "install", "--no-deps", "--no-index", str(file)])
    file.unlink()


def install_lock(name: str) -> None:
    """Every package of a lock file at its pinned version; each file's hash is checked."""
    pip("install", "--no-deps", "--require-hashes", "--prefer-binary", "-r", name)


def install_project() -> None:
    """This checkout itself, editable: ``bridge`` and ``sdd-bridge`` in .venv/bin."""
    pip("install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", ".")


def install_node() -> None:
    """solc and anvil, by contracts/package-lock.json, into .node."""
    call([str(PYTHON), "contracts/build.py", "--install"])


def pip(*arguments: str) -> None:
    call([str(PYTHON), "-m", "pip", *arguments])


def pinned(name: str) -> list[str]:
    """The arguments that install the packages of ``tools/<name>.lock``, hashes checked."""
    return ["--require-hashes", "-r", f"tools/{name}.lock"]


def site_packages() -> Path:
    found = subprocess.run(
        [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, capture_output=True, text=True
    )
    return Path(found.stdout.strip())


def project_table() -> str:
    """The parts of pyproject.toml that an editable installation is made from."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return json.dumps([whole["build-system"], whole["project"], whole["tool"]["hatch"]], sort_keys=True)


def fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def call(command: list[str]) -> None:
    """Run a command into build/setup.log; SetUpFailed shows the end of what it said."""
    environment = {k: v for k, v in os.environ.items() if k not in NOT_OURS} | OURS
    with LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(command)}\n".encode())
        log.flush()
        start = log.tell()
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False)
    if done.returncode != 0:
        said = LOG.read_bytes()[start:].decode(errors="replace").strip().splitlines()[-12:]
        raise SetUpFailed("\n  ".join([f"{' '.join(command[1:4])} failed; the whole log is {LOG.relative_to(ROOT)}", *said]))


@contextlib.contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Two makes in one checkout: the second waits. The lock dies with its process, so nothing stale stays."""
    LOG.parent.mkdir(exist_ok=True)
    with (LOG.parent / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("set-up: another one is at work in this checkout; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        if LOG.exists() and LOG.stat().st_size > 1_000_000:
            LOG.unlink()
        yield


if __name__ == "__main__":
    sys.exit(main())
