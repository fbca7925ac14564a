"""Run the tests of one module against its mutants; started by mutants.py in a copy of the tree, told what to do on stdin.

A fork of this process runs the tests once as they are, and keeps which test runs which line. After that each mutant is a fork of
its own: everything that does not depend on the module is imported already, the module itself is imported in its mutated form from
memory, and only tests that run the changed line are run, until the first that fails. No file of the tree is changed.
Writes one JSON line a mutant: name, verdict, seconds. Verdicts: killed, timeout, survived, no test.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import mutations
import pytest

PYTEST = [
    "-q", "-x", "--tb=no", "--assert=plain", "-p", "no:cacheprovider",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
]  # fmt: skip
OTHER_ENGINE = "postgres"  # starting a server for each mutant would take the whole night; the rules are the same on both
NO_TEST = 5  # pytest's own code
SECONDS_MIN, SLOWER_MAX = 5, 3  # of the processor: a mutant may take so long before it counts as endless
WAITING_MAX = 20  # and so many times longer where it waits for the processor, or for something that never comes
MODULES = ("bridge", "tests")


def main() -> None:
    order = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    sys.path.insert(0, str(Path.cwd()))
    file, source = order["file"], Path(order["file"]).read_text("utf-8")
    importers = _importers(dotted(Path(file)))
    wanted = set(order["names"])
    seen = baseline(file, source, order["tests"])
    _import_ahead(seen["modules"], importers)
    gc.freeze()  # a fork has little to collect then
    for mutant in mutations.of(order["called"], source):
        if mutant.name in wanted:
            started = time.monotonic()
            verdict = judge(mutant, file, seen)
            answers.write(json.dumps({"name": mutant.name, "verdict": verdict, "seconds": time.monotonic() - started}) + "\n")


def baseline(file: str, source: str, tests: Sequence[str]) -> dict[str, Any]:
    """The tests as they are: the seconds of each green one, who runs which line, what was imported."""
    report = Path("baseline.json")
    same = compile(source, str(Path(file).resolve()), "exec")
    code = forked(lambda: _run(file, same, ["--maxfail=1000", *tests], _Watch(Path(file).resolve(), report)), seconds=3_600)
    if code not in (0, 1):
        raise SystemExit(f"mutants: the tests of {file} do not run as they are (pytest says {code}): {' '.join(tests)}")
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    for name in found["red"]:
        print(f"mutants: red as it is, so left out: {name}", file=sys.stderr)
    return found


def judge(mutant: mutations.Mutant, file: str, seen: dict[str, Any]) -> str:
    """What the tests say to one mutant."""
    chosen = _chosen(mutant, file, seen)
    if not chosen:
        return "no test"
    try:
        code = mutant.code(str(Path(file).resolve()))
    except (SyntaxError, ValueError):
        return "killed"  # Python itself refuses it
    limit = int(SECONDS_MIN + SLOWER_MAX * sum(chosen.values()))
    files = list(dict.fromkeys(name.partition("::")[0] for name in chosen))
    said = forked(lambda: _run(file, code, files, _Choose(chosen)), seconds=limit)
    return {0: "survived", None: "timeout", -signal.SIGXCPU: "timeout", NO_TEST: "no test"}.get(said, "killed")


def _chosen(mutant: mutations.Mutant, file: str, seen: dict[str, Any]) -> dict[str, float]:
    """The tests that run a changed line, with their seconds: first the files that import the module themselves, then fast ones.

    What is made at import concerns every test that runs a line of the module, and every test of a file that imports it.
    """
    own = {path for path in {name.partition("::")[0] for name in seen["seconds"]} if dotted(Path(file)) in _imports(Path(path))}
    if mutant.at_import:
        names = {name for names in seen["lines"].values() for name in names}
        names |= {name for name in seen["seconds"] if name.partition("::")[0] in own}
    else:
        first, last = mutant.lines
        names = {name for line in range(first, last + 1) for name in seen["lines"].get(str(line), ())}
    seconds = {name: seen["seconds"][name] for name in names}
    of_file: dict[str, float] = defaultdict(float)
    for name in names:
        of_file[name.partition("::")[0]] += seconds[name]
    order = sorted(names, key=lambda name: (name.partition("::")[0] not in own, of_file[name.partition("::")[0]], name))
    return {name: seconds[name] for name in order}


# ---- one run of pytest in a fork -----------------------------------------------------------------------------------------------


def forked(work: Callable[[], int], *, seconds: int) -> int | None:
    """The exit code of ``work`` in a process group of its own, with so many seconds of processor; None where it hung."""
    pid = os.fork()
    if not pid:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        with open(os.environ.get("MUTANTS_LOG", os.devnull), "ab") as log:  # noqa: PTH123 - a descriptor is wanted
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        code = 3
        try:
            code = work()
        finally:
            os._exit(code)
    until = time.monotonic() + WAITING_MAX * seconds
    status: int | None = None
    while status is None and time.monotonic() < until:
        done, told = os.waitpid(pid, os.WNOHANG)
        status = told if done else None
        if status is None:
            time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError, PermissionError):  # also what the tests started and left
        os.killpg(pid, signal.SIGKILL)
    if status is None:
        os.waitpid(pid, 0)
        return None
    return os.waitstatus_to_exitcode(status)


def _run(file: str, code: CodeType, tests: Iterable[str], plugin: object) -> int:
    sys.meta_path.insert(0, _InMemory(dotted(Path(file)), str(Path(file).resolve()), code))
    return int(pytest.main([*PYTEST, "--basetemp=pytest", *tests], plugins=[plugin]))


class _InMemory(SourceFileLoader):
    """Finds one module and gives it this code; pyc files and the source are not looked at."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        return spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, _: str) -> CodeType:
        return self._code


class _Choose:
    """Runs the chosen tests alone, the fast ones of a file first."""

    def __init__(self, chosen: dict[str, float]) -> None:
        self._chosen = chosen

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        place = {path: at for at, path in enumerate(dict.fromkeys(item.location[0] for item in items))}
        items[:] = sorted(
            (item for item in items if item.nodeid in self._chosen),
            key=lambda item: (place[item.location[0]], self._chosen[item.nodeid]),
        )


class _Watch:
    """Keeps which lines of the module each test runs. What a fixture runs counts for every test of its file: it may be shared."""

    def __init__(self, module: Path, report: Path) -> None:
        self._module, self._report = str(module), report.resolve()
        self._lines: dict[int, set[str]] = defaultdict(set)
        self._shared: dict[str, set[int]] = defaultdict(set)
        self._running: set[int] = set()
        self._seconds: dict[str, float] = {}
        self._red: set[str] = set()
        self._started = time.monotonic()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if OTHER_ENGINE not in item.nodeid]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        _forget_answers()
        self._started = time.monotonic()
        sys.settrace(self._trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            self._seconds[item.nodeid] = time.monotonic() - self._started
            self._running.clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        self._shared[item.location[0]] |= self._running
        self._running.clear()
        try:
            return (yield)
        finally:
            for line in self._running:
                self._lines[line].add(item.nodeid)
            self._running.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._red.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        green = {name: seconds for name, seconds in self._seconds.items() if name not in self._red}
        for path, lines in self._shared.items():
            for line in lines:
                self._lines[line] |= {name for name in green if name.partition("::")[0] == path}
        told = {
            "seconds": green,
            "red": sorted(self._red),
            "lines": {str(line): sorted(names & set(green)) for line, names in self._lines.items()},
            "modules": list(sys.modules),
        }
        self._report.write_text(json.dumps(told), "utf-8")

    def _trace(self, frame: FrameType, *_: object) -> Any:
        return self._line if frame.f_code.co_filename == self._module else None

    def _line(self, frame: FrameType, *_: object) -> Any:
        self._running.add(frame.f_lineno)
        return self._line


def _forget_answers() -> None:
    """Empty the caches of our functions: a test that finds its answer there runs the lines all the same."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "bridge":
            for thing in list(vars(module).values()):
                if callable(forget := getattr(thing, "cache_clear", None)):
                    forget()


# ---- what is imported once -----------------------------------------------------------------------------------------------------


def _import_ahead(names: Iterable[str], importers: set[str]) -> None:
    """Import what the tests imported, except what depends on the module: a fork must meet the mutant, not what was before it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            if name in importers or name.partition(".")[0] in ("tests", "tools", "conftest"):
                continue
            with contextlib.suppress(Exception):  # some names stand in sys.modules without being importable
                importlib.import_module(name)
    early = sorted(importers & set(sys.modules))
    if early:
        raise SystemExit(f"mutants: imported too early: {', '.join(early)}")


def _importers(module: str) -> set[str]:
    """The module and every module of ours that imports it, or one that does, when it is itself imported."""
    imports = {dotted(path): _imports(path) for root in MODULES for path in Path(root).rglob("*.py")}
    found = {module}
    while True:
        more = {name for name, named in imports.items() if name not in found and (named & found or _inside(name, found, imports))}
        if not more:
            return found
        found |= more


def _inside(name: str, found: set[str], imports: dict[str, set[str]]) -> bool:
    """Whether a package around it is one of them: it is imported before what is in it."""
    parts = name.split(".")
    return any(".".join(parts[:end]) in found and ".".join(parts[:end]) in imports for end in range(1, len(parts)))


def _imports(path: Path) -> set[str]:
    """What a module names in its imports outside functions; ``from a import b`` may mean the module a.b."""
    named: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            named |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return named


def dotted(path: Path) -> str:
    """``bridge.steps`` for bridge/steps/__init__.py."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


if __name__ == "__main__":
    main()
