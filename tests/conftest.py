"""What holds for every test: options, profiles of hypothesis, no skip in CI, and one line when the vectors are missing."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from bridge import runtime
from tests import engines
from tests.testdata import NAMED, TESTDATA, vector_tests

runtime.create_engine = engines.open_alike
IN_CI = os.environ.get("CI") == "true"

settings.register_profile("dev", deadline=None, max_examples=50)
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True, database=None)
# a test that is watched line by line, on a busy machine, is slow without being wrong
settings.register_profile(
    "mutants", deadline=None, max_examples=50, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("soak", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if IN_CI else "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regen", action="store_true", help="write golden files anew; read the diff before committing it")


@pytest.fixture(scope="session")
def regen(request: pytest.FixtureRequest) -> bool:
    """True where golden files are to be written anew: ``pytest --regen``."""
    return bool(request.config.getoption("--regen"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of the folders engines.BOTH runs on both engines, or on the one that its marker ``only_on`` names."""
    folder = metafunc.definition.path.parent.name
    if "engine" in metafunc.fixturenames and folder in engines.BOTH:
        marker = metafunc.definition.get_closest_marker("only_on")
        names = [marker.args[0]] if marker else [engines.SQLITE, engines.POSTGRESQL]
        metafunc.parametrize("engine", names, indirect=True, scope="session")


@pytest.hookimpl(optionalhook=True)  # where xdist is not loaded nobody asks
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """The tests of one file on one engine go to one process, which sets its fixtures up once; a seeded year is a file of its own.

    By the name of the test alone: what ``--dist loadgroup`` writes into it is lost under pytest 9.2 (pytest-xdist issue 1386).
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFileAndEngine(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            engine = engines.POSTGRESQL if f"[{engines.POSTGRESQL}" in nodeid else engines.SQLITE
            seed = re.search(r"seed-[0-9]+", nodeid)
            return f"{nodeid.partition('::')[0]} on {engine}{f' {seed[0]}' if seed else ''}"

    return ByFileAndEngine(config, log)


@pytest.fixture(scope="session", autouse=True)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The engine that places, worlds and plants are made on; a fixture that outlives a test and makes one must ask for it."""
    name: str = getattr(request, "param", engines.SQLITE)
    run = tmp_path_factory.getbasetemp()
    engines.use(name, run.parent if "PYTEST_XDIST_WORKER" in os.environ else run)
    with engines.dropping():
        yield name
    engines.use(engines.SQLITE, run)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Generator[None, object, object]:
    """The databases that a fixture makes are dropped when the fixture ends."""
    before = engines.made()
    own: set[str] = set()
    fixturedef.addfinalizer(lambda: engines.drop(own & engines.made()))
    try:
        return (yield)
    finally:
        own |= engines.made() - before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """The databases that a test makes are dropped when the test ends, and no connection waits for a later one."""
    with engines.dropping():
        yield
    engines.let_go()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's shell reaches a test: a BRIDGE_* variable would be refused, or would decide."""
    for name in [name for name in os.environ if name.startswith("BRIDGE_") and name != "BRIDGE_TESTDATA"]:
        monkeypatch.delenv(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skip, an expected failure and an unexpected success are failures: what did not run proves nothing."""
    report = yield
    if IN_CI and (report.skipped or hasattr(report, "wasxfail")):
        why = getattr(report, "wasxfail", None) or report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: a skip or xfail does not pass CI: {why}"
        vars(report).pop("wasxfail", None)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself while it is imported."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid}: a skipped module does not pass CI: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TESTDATA is None:
        terminalreporter.write_line(
            f"{len(vector_tests())} vector tests need BRIDGE_TESTDATA (now {NAMED!r}, not a folder) and did not run"
        )
    ran = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ()) if report.when == "call"]
    crashes = [(report.passed, said) for report in ran if "scenario" in (said := dict(report.user_properties))]
    if crashes:
        passed, kills = sum(good for good, _ in crashes), sum(bool(said.get("kill")) for _, said in crashes)
        terminalreporter.write_line(f"{len(crashes)} scenarios run, {passed} passed, {kills} kills fired")
