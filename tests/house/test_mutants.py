"""The tool that looks for untested code is not blind: it changes what it says, and believes no test that does not notice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.code import ROOT
from tools import mutations

TOOLS = ROOT / "tools"
MODULE = """\
LIMIT = 18

def is_adult(age: int) -> bool:
    return age >= LIMIT

def nobody_asks(age: int) -> bool:
    return age > 99
"""
TESTS = """\
from bridge.rules.ages import is_adult

def test_adults() -> None:
    assert is_adult(18)
    assert not is_adult(3)
"""


def changes(source: str) -> list[str]:
    """What is changed in a module, without the name of the file."""
    return [mutant.name.removeprefix("ages.py ") for mutant in mutations.of("ages.py", source)]


@pytest.mark.parametrize(
    ("source", "change"),
    [
        ("def f(a):\n    return a <= 5", "f: return a <= 5 -> return a < 5"),
        ("def f(a):\n    return a <= 5", "f: return a <= 5 -> return a <= 6"),
        ("def f(a):\n    return a <= 5", "f: return a <= 5 -> return None"),
        ("def f(a, b):\n    return a and b", "f: return a and b -> return a or b"),
        ("def f(a, b):\n    return a and b", "f: a and b without b"),
        ("def f(a):\n    return not a", "f: return not a -> return a"),
        ("def f(a):\n    if a:\n        g()", "f: if a -> if not"),
        ("def f(a):\n    if a:\n        g()", "f: g() -> dropped"),
        ("def f(a):\n    a.total += 1", "f: a.total += 1 -> a.total -= 1"),
        ("def f(a):\n    raise Wrong(a)", "f: raise Wrong(a) -> dropped"),
        ("def f(a):\n    return [b for b in a if b > 1]", "f: b > 1 -> dropped"),
        ("def f(a):\n    return max(a)", "f: return max(a) -> return min(a)"),
        ("def f(a):\n    return select(T).where(T.id == a, T.open)", "f: where(T.open) -> dropped"),
        ("TABLE = {'a': X, 'b': Y}", "TABLE: ['a'] X -> Y"),
        ("TABLE = {'a': X, 'b': Y}", "TABLE: ['a'] -> dropped"),
        ("TABLE = {'a': {'b': X, 'c': Y}}", "TABLE: ['a', 'c'] Y -> X"),
        ("CODES = ('a', 'b')", "CODES: 'b' -> dropped"),
        ("@rule('SDD-001')\ndef f(a):\n    return a == 0", "f: rule('SDD-001') -> rule('SDD-001~')"),
        ("class A:\n    def f(self):\n        return self.a + 1", "A.f: return self.a + 1 -> return self.a - 1"),
    ],
)
def test_what_is_changed(source: str, change: str) -> None:
    """Comparisons, limits, conditions, sums, results, statements, filters, tables and decorated functions are changed."""
    assert change in changes(source)


def test_words_for_people_are_left_alone() -> None:
    """No message, annotation or assertion is changed: a test that holds on to them proves no rule."""
    source = "def f(a: 'int'):\n    'What it is.'\n    assert a > 1\n    say('two words', f'{a} is wrong')"

    assert changes(source) == ["f: say('two words', f'{a} is wrong') -> dropped"]


def test_a_name_survives_edits_elsewhere() -> None:
    """A line added above or a function added before changes no name; the second of the same name is numbered."""
    source = "def f(a):\n    g(a)\n    g(a)"
    edited = "LIMIT = 4\n\ndef before(b):\n    return b\n\n" + source

    assert changes(source) == ["f: g(a) -> dropped", "f: g(a) -> dropped #2"]
    assert changes(edited)[-2:] == changes(source)


def test_only_a_test_that_fails_kills(tmp_path: Path) -> None:
    """What the tests notice is killed, also a changed limit of the module; what runs in no test is said to have none."""
    for path, text in {"bridge/rules/ages.py": MODULE, "tests/rules/test_ages.py": TESTS}.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    names = [mutant.name for mutant in mutations.of("ages.py", MODULE)]
    order = {"file": "bridge/rules/ages.py", "called": "ages.py", "tests": ["tests/rules"], "names": names}

    done = subprocess.run(
        [sys.executable, str(TOOLS / "mutants_worker.py")],
        cwd=tmp_path,
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=True,
    )

    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert {answer["name"].removeprefix("ages.py "): answer["verdict"] for answer in answers} == {
        "LIMIT: LIMIT = 18 -> LIMIT = 19": "killed",
        "is_adult: return age >= LIMIT -> return None": "killed",
        "is_adult: return age >= LIMIT -> return age > LIMIT": "killed",
        "nobody_asks: return age > 99 -> return None": "no test",
        "nobody_asks: return age > 99 -> return age >= 99": "no test",
        "nobody_asks: return age > 99 -> return age > 100": "no test",
    }
    assert (tmp_path / "bridge/rules/ages.py").read_text() == MODULE


@pytest.mark.parametrize(
    ("page", "code", "said"),
    [
        ("## rules/ages.py\n* `f: a -> b`: same\n", 0, "1 of 2 mutants are killed"),
        ("## rules/ages.py\n", 4, "NOT JUDGED: rules/ages.py f: a -> b"),
        ("## rules/ages.py\n* `f: a -> b`, `f: a -> c`: same\n", 4, "STALE, it is dead: rules/ages.py f: a -> c"),
        ("## rules/ages.py\n* `f: a -> b`, `g: a -> c`: same\n", 4, "STALE, there is none: rules/ages.py g: a -> c"),
        ("## rules/other.py\n* `f: a -> b`: another file was not run\n## rules/ages.py\n* `f: a -> b`: same\n", 0, "1 of 2"),
    ],
)
def test_every_survivor_has_its_reason(
    page: str, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A survivor without a line, and a line without a survivor, end the tool with 4."""
    monkeypatch.syspath_prepend(TOOLS)
    import mutants

    found = {"bridge/rules/ages.py": {"rules/ages.py f: a -> b": "survived", "rules/ages.py f: a -> c": "killed"}}

    assert mutants.report(found, mutants.reasons(page)) == code
    assert said in capsys.readouterr().out
