"""What the README tells people to type works: its ``sh`` blocks run, in order, in one empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.code import ROOT

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
READMES = [name for name in ("README.md", "README.de.md") if name == "README.md" or (ROOT / name).exists()]
SECONDS = 120


def _blocks(name: str) -> list[str]:
    """The blocks to run; one that begins with ``make`` or ``git`` is run by CI itself."""
    return [block for block in BLOCK.findall(_text(name)) if not block.startswith(("make", "git"))]


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_readme_opens_with_the_two_commands() -> None:
    """``make demo`` and ``make test`` stand among the first twenty lines."""
    head = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:20])
    assert head.find("make demo") < head.find("make test")
    assert "make demo" in head


def test_its_blocks_run(tmp_path: Path) -> None:
    """Every sh block exits 0, with bridge on PATH and nothing else of the developer's environment. The German page has none."""
    name = "README.md"
    home = tmp_path / "home"
    work = tmp_path / "work"
    home.mkdir()
    work.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    for block in _blocks(name):
        done = subprocess.run(
            ["sh", "-euc", block],
            cwd=work,
            env={"HOME": str(home), "PATH": path, "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )

        assert done.returncode == 0, f"{name}:\n{block}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("name", [*READMES, "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_its_links_lead_somewhere(name: str) -> None:
    """Every relative link of the page names a file of the project."""
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", _text(name))
    assert [t for t in targets if not (ROOT / t).exists()] == []
