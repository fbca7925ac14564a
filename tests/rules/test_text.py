"""Text in the SEPA character set, readable and never too long."""

from __future__ import annotations

import csv
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.identifiers import SEPA_CHARACTERS
from bridge.rules.text import sepa_text, transliterate
from tests.testdata import TESTDATA


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Müller & Söhne", "Mueller + Soehne"),
        ("Straße Ärger Öl Übung", "Strasse Aerger Oel Uebung"),
        ("GROẞ", "GROSS"),
        ("Café Łódź Ångström Øre Æsop Œuvre", "Cafe Lodz Angstroem Ore Asop Ouvre"),
        ("Nguyễn Đỗ", "Nguyen Do"),
        ("Ωμέγα Θήτα", "Omega THita"),
        ("Щука Яна Ёлкин", "SHTuka YAna Elkin"),
        ("a\u0308 o\u0308 u\u0308 e\u0301", "ae oe ue e"),
        ("50 € – „Rest“ …", "50 E - 'Rest' ..."),
        ('a@b#c!d[e]f{g}h|i\\j`k;l_m~n"o<p>q', "a.b.c.d(e)f(g)h/i/j'k,l-m-n'o.p.q"),
        ("  a \t\n b\u00a0 c\u2009d ", "a b c d"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        # marks that stay alone: a ring around the letter, a Hangul tone beside it
        ("a\u20dd b\u302e", "a b"),
        ("/a//b///c/", "a/b/c"),
        ("東京", ".."),
        ("", ""),
        (" / // ", ""),
    ],
)
def test_examples(text: str, expected: str) -> None:
    """Umlauts in German, accents stripped, Greek and Cyrillic spelled out, punctuation near, the rest a full stop."""
    assert sepa_text(text, limit=140) == expected


def test_german_is_the_default() -> None:
    """Who does not say otherwise gets ae, oe, ue and ss, in a whole text and in its characters alone."""
    assert (sepa_text("Müller", limit=70), transliterate("Müller")) == ("Mueller", "Mueller")


def test_umlauts_the_epc_way() -> None:
    """Outside Germany EPC217-08 applies alone: one letter for one."""
    assert sepa_text("Müller Straße ẞ", limit=70, german=False) == "Muller Strase S"


def test_cut_comes_after_growing() -> None:
    """70 umlauts grow to 140 letters and are cut to 70, not the other way round."""
    assert sepa_text("ü" * 70, limit=70) == "ue" * 35


def test_cut_leaves_no_blank_or_slash_at_the_end() -> None:
    """Where the cut falls on a blank or slash, that goes too."""
    assert sepa_text("abc def", limit=4) == "abc"
    assert sepa_text("abc/def", limit=4) == "abc"


def test_limit_of_nothing_is_refused() -> None:
    """A limit below one cannot be kept by a text with letters."""
    with pytest.raises(ValueError, match="limit"):
        sepa_text("a", limit=0)


@given(st.text(max_size=200), st.integers(1, 140), st.booleans())
def test_result_is_always_usable(text: str, limit: int, german: bool) -> None:
    """Whatever comes in: SEPA characters, within the limit, trimmed, no stray slash, and not empty where there was a letter."""
    result = sepa_text(text, limit=limit, german=german)

    assert SEPA_CHARACTERS.issuperset(result)
    assert len(result) <= limit
    assert result == result.strip(" /")
    assert "//" not in result
    assert "  " not in result
    assert result or not any(char.isalpha() for char in text)


@given(st.text(max_size=100), st.integers(1, 140))
def test_twice_is_once(text: str, limit: int) -> None:
    """SEPA text stays as it is."""
    once = sepa_text(text, limit=limit)

    assert sepa_text(once, limit=limit) == once


if TESTDATA is not None:

    @pytest.mark.parametrize(("column", "german"), [("epc217_08", False), ("german_dk", True)])
    def test_epc_table(column: str, german: bool) -> None:
        """Of 1,010 rows 796 agree; the others are a letter kept or a lone accent dropped where the table has a full stop."""
        with TESTDATA.joinpath("vectors/epc217_08_charset.csv").open(encoding="utf-8", newline="") as lines:
            rows = [(chr(int(row["codepoint"].removeprefix("U+"), 16)), row[column]) for row in csv.DictReader(lines)]
        differing = [(char, expected) for char, expected in rows if transliterate(char, german=german) != expected]
        accents = [char for char, _ in differing if unicodedata.category(char).startswith("M")]
        letters = [char for char, _ in differing if unicodedata.category(char).startswith("L")]

        assert len(rows) == 1_010
        assert {expected for _, expected in differing} == {"."}
        assert (len(accents), len(letters)) == (112, 101)
        assert all(transliterate(char, german=german) == "" for char in accents)
        assert all(transliterate(char, german=german).isalpha() for char in letters)
        # U+037E, the Greek question mark, is canonically the same character as ";", which the table makes a comma.
        assert [char for char, _ in differing if char not in accents + letters] == ["\u037e"]
