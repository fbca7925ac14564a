"""Write the lock files, or with ``--check`` exit 4 if one is stale: ``uv pip compile`` with the present lock as preference.

Compiled for every platform and Python from 3.11 on. Settings of this machine (indexes, folders of files) do not reach the files:
a lock names versions and hashes only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".venv" / "bin" / "uv"
PIP_LOCK = "tools/pip.lock"
LOCKS = {
    "requirements.lock": [
        "--extra",
        "demo",
        "--extra",
        "postgres",
        "--extra",
        "sentry",
        "--extra",
        "telemetry",
        "--group",
        "setup",
    ],
    "requirements-test.lock": ["--all-extras", "--group", "setup", "--group", "test", "--constraint", "requirements.lock"],
    PIP_LOCK: ["--group", "pip"],
}
ALWAYS = [
    "--universal", "--python-version", "3.11", "--generate-hashes", "--no-config", "--no-header", "--no-annotate", "--quiet",
    "--prerelease", "if-necessary-or-explicit",
]  # fmt: skip
UV_SETTINGS_KEPT = {"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_HTTP_TIMEOUT", "UV_CACHE_DIR"}
HEADER = "# Made by `make lock` from pyproject.toml; do not edit. Every version and hash is checked when it is installed.\n"


def main() -> int:
    check, upgrade = "--check" in sys.argv, ["--upgrade"] if "--upgrade" in sys.argv else []
    stale = []
    for name, wanted in LOCKS.items():
        fresh = compiled(name, [*wanted, *upgrade])
        present = ROOT / name
        if check and (not present.exists() or present.read_text() != fresh):
            stale.append(name)
        elif not check:
            present.write_text(fresh)
            print(f"{name}: {sum(line[:1].isalnum() for line in fresh.splitlines())} packages")
    if stale:
        print(f"stale: {', '.join(stale)}. Run `make lock`, read the diff, commit it.", file=sys.stderr)
        return 4
    if check:
        print(f"lock files are fresh: {', '.join(LOCKS)}")
    return 0


def compiled(name: str, wanted: list[str]) -> str:
    """The text that the lock file should have; the present one's versions are kept as long as they fit."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UV_") or k in UV_SETTINGS_KEPT}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / Path(name).name
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, output)
        command = [str(UV), "pip", "compile", *ALWAYS, *wanted, "--system-certs", "--output-file", str(output)]
        if name != PIP_LOCK:  # without a source file uv takes the group alone
            command.append("pyproject.toml")
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"uv could not resolve {name}:\n{done.stderr.strip()}")
        return HEADER + output.read_text()


if __name__ == "__main__":
    sys.exit(main())
