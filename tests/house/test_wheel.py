"""The wheel is whole: what is not Python travels with it and is found again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.code import ROOT

FILES = ["templates/banks/default.toml", "migrations/env.py", "migrations/versions", "contracts/UsageInvoices.json"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of this checkout in it, and none of its dependencies (those are the environment's)."""
    dist, target = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("installed")
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(dist)], cwd=ROOT)
    (wheel,) = dist.glob("sdd_bridge-*.whl")
    _run([sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)], cwd=dist)
    return target


@pytest.mark.parametrize("name", FILES)
def test_what_is_not_python_is_found(installed: Path, name: str) -> None:
    """resources.path finds it inside the installed wheel, not in the checkout."""
    said = _run([sys.executable, "-c", f"from bridge import resources; print(resources.path({name!r}))"], cwd=installed)

    assert Path(said.strip()).is_relative_to(installed)
    assert Path(said.strip()).exists()


def test_the_contracts_source_stays_home(installed: Path) -> None:
    """Of contracts/ only the artefact travels; the tests and the tools do not."""
    assert [p.name for p in (installed / "bridge" / "_data" / "contracts").iterdir()] == ["UsageInvoices.json"]
    assert not (installed / "tests").exists()


def test_the_command_starts(installed: Path) -> None:
    """``python -m bridge --help`` runs from the wheel."""
    assert "demo" in _run([sys.executable, "-m", "bridge", "--help"], cwd=installed)


def _run(command: list[str], *, cwd: Path) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "LANG": "C.UTF-8", "PYTHONPATH": str(cwd), "COLUMNS": "120"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
