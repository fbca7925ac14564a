"""GLOSSARY.md: every word has a place in the code, and every table of the database has a word."""

from __future__ import annotations

import importlib
import re

from bridge.model import Base
from tests.house.code import ROOT

PLACE = re.compile(r"`([a-z_0-9.]+)(?::(\w+))?`")
WITHOUT_A_WORD: set[str] = set()  # names of tables that the model's own map explains; each with its reason


def _rows() -> list[tuple[str, str, str]]:
    """The rows of the table ``| word | meaning | where |``."""
    if not (ROOT / "GLOSSARY.md").exists():
        return []
    lines = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").splitlines()
    cells = [tuple(cell.strip() for cell in line.strip("| ").split(" | ")) for line in lines if line.startswith("| ")]
    return [(row[0], row[1], row[2]) for row in cells if len(row) == 3 and row[0].lower() != "word" and set(row[0]) - set("-: ")]


def test_there_is_a_glossary() -> None:
    """GLOSSARY.md has its table of words."""
    assert len(_rows()) >= 10


def test_the_words_are_in_the_code() -> None:
    """The last column names ``module:Name`` and it can be imported (a leading ``bridge.`` may be left out)."""
    for word, meaning, where in _rows():
        places = PLACE.findall(where)

        assert meaning, f"{word} has no meaning"
        assert places, f"{word}: the last column names no place as `module:Name`"
        assert [f"{word}: {module}:{name}" for module, name in places if not _found(module, name)] == []


def test_words_are_defined_once() -> None:
    """No word has two meanings."""
    words = [row[0].lower() for row in _rows()]
    assert sorted({w for w in words if words.count(w) > 1}) == []


def test_transaction_is_not_a_word() -> None:
    """Chain, database, ISO and ledger each have a transaction of their own; so the word alone has none."""
    assert [row[0] for row in _rows() if row[0].strip("*`").lower() == "transaction"] == []


def test_every_noun_of_the_model_has_a_word() -> None:
    """Each mapped class is named in the glossary, in any column."""
    text = " ".join(" ".join(row) for row in _rows())
    nouns = {mapper.class_.__name__ for mapper in Base.registry.mappers}
    assert sorted(noun for noun in nouns - WITHOUT_A_WORD if not re.search(rf"\b{noun}\b", text)) == []


def _found(module: str, name: str) -> bool:
    full = module if module.partition(".")[0] == "bridge" else f"bridge.{module}"
    loaded = importlib.import_module(full)
    return not name or hasattr(loaded, name)
