"""The journal for hledger, read back by a small reader of its own that follows the documented syntax."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from dataclasses import replace
from datetime import date

import pytest

from bridge.errors import BadInput
from bridge.formats.hledger import JournalVoucher, journal

BILLED = JournalVoucher(
    date(2026, 12, 1),
    "inv:1",
    "Invoice plant-1-000001",
    [("Assets:Receivable", 10000), ("Revenue:Billed", -10000)],
    {"invoice": "plant-1-000001"},
)
RETURNED = JournalVoucher(
    date(2026, 12, 10),
    "line:7",
    "Return MD06",
    [("Assets:Receivable", 10000), ("Expenses:Charges", 5), ("Assets:Suspense", -10005)],
)


def written(*vouchers: JournalVoucher) -> str:
    out = io.StringIO()
    journal(vouchers, out)
    return out.getvalue()


def read_back(text: str) -> list[tuple[str, str, str, dict[str, str], dict[str, int]]]:
    """Return date, code, description, tags and postings in cents; an independent reading of hledger's manual."""
    found: list[tuple[str, str, str, dict[str, str], dict[str, int]]] = []
    for line in text.splitlines():
        if opened := re.fullmatch(r"(\d{4}-\d\d-\d\d) \* \(([^)]*)\)(?: (.*))?", line):
            found.append((opened[1], opened[2], opened[3] or "", {}, defaultdict(int)))
        elif tag := re.fullmatch(r"    ; ([^\s:]+): ?(.*)", line):
            assert "," not in tag[2]
            found[-1][3][tag[1]] = tag[2]
        elif posting := re.fullmatch(r"    (\S.*?) {2,}(-?)(\d+)\.(\d\d) EUR", line):
            found[-1][4][posting[1]] += (-1 if posting[2] else 1) * (int(posting[3]) * 100 + int(posting[4]))
        else:
            assert line in ("", "decimal-mark .", "commodity 1000.00 EUR"), line
    return found


def test_the_journal_is_this_text() -> None:
    """A finance person can read it, and a diff shows one line per change."""
    assert written(BILLED, RETURNED) == (
        "decimal-mark .\n"
        "commodity 1000.00 EUR\n"
        "\n"
        "2026-12-01 * (inv:1) Invoice plant-1-000001\n"
        "    ; invoice: plant-1-000001\n"
        "    Assets:Receivable            100.00 EUR\n"
        "    Revenue:Billed              -100.00 EUR\n"
        "\n"
        "2026-12-10 * (line:7) Return MD06\n"
        "    Assets:Receivable            100.00 EUR\n"
        "    Expenses:Charges               0.05 EUR\n"
        "    Assets:Suspense             -100.05 EUR\n"
    )


def test_balances_add_up_again_when_the_text_is_read() -> None:
    """Receivable 100.00 + 100.00, charges 0.05, suspense -100.05, billed -100.00: zero in all."""
    totals: dict[str, int] = defaultdict(int)
    for *_, postings in read_back(written(BILLED, RETURNED)):
        assert sum(postings.values()) == 0
        for account, cents in postings.items():
            totals[account] += cents

    assert totals == {"Assets:Receivable": 20000, "Revenue:Billed": -10000, "Expenses:Charges": 5, "Assets:Suspense": -10005}


def test_the_same_vouchers_give_the_same_text() -> None:
    """Tags are sorted; vouchers keep the order they came in."""
    lines = [("A:B", 1), ("C:D", -1)]
    one = JournalVoucher(date(2026, 1, 1), "c", "d", lines, {"b": "2", "a": "1"})
    other = JournalVoucher(date(2026, 1, 1), "c", "d", lines, {"a": "1", "b": "2"})

    assert written(one) == written(other)
    assert list(read_back(written(one))[0][3]) == ["a", "b"]
    assert [entry[1] for entry in read_back(written(RETURNED, BILLED))] == ["line:7", "inv:1"]


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("Miete; Danke | sonst\nnichts", "Miete Danke sonst nichts"),
        ("* ! (x) Y", "x) Y"),
        ("2026-12-10 * (evil)\n    A:B  1.00 EUR", "2026-12-10 * (evil) A:B 1.00 EUR"),
        ("", ""),
        ("Grüße  ☃", "Grüße ☃"),
    ],
)
def test_words_cannot_break_the_syntax(words: str, read: str) -> None:
    """A remittance text with a newline, a comment sign or a status does not become a posting."""
    entry = read_back(written(JournalVoucher(date(2026, 1, 1), "a(b)c", words, [("A:B", 1), ("C:D", -1)], {"t": "x, y: z\n;"})))
    assert entry == [("2026-01-01", "a b c", read, {"t": "x y: z"}, {"A:B": 1, "C:D": -1})]


@pytest.mark.parametrize("lines", [[], [("A:B", 0)], [("A:B", 1)], [("A:B", 1), ("C:D", -2)]])
def test_what_is_not_balanced_is_refused(lines: list[tuple[str, int]]) -> None:
    """A voucher has two lines at least, and they sum to zero."""
    with pytest.raises(BadInput, match="not balanced"):
        written(JournalVoucher(date(2026, 1, 1), "c", "d", lines))


@pytest.mark.parametrize("account", ["", "A  B", "A;B", "A:", ":A", "(A)", "A\nB", "1", "[A:B]", "A\tB"])
def test_an_account_that_hledger_would_read_otherwise_is_refused(account: str) -> None:
    """Two blanks end an account; brackets make it virtual."""
    with pytest.raises(BadInput, match="account"):
        written(JournalVoucher(date(2026, 1, 1), "c", "d", [(account, 1), ("C:D", -1)]))


def test_a_tag_needs_a_plain_name() -> None:
    """A blank or a colon in a tag's name would end it."""
    for name in ("a b", "a:b", "", "ä"):
        with pytest.raises(BadInput, match="tag"):
            written(JournalVoucher(date(2026, 1, 1), "c", "d", [("A:B", 1), ("C:D", -1)], {name: "x"}))


def test_nothing_stands_behind_the_last_word() -> None:
    """Without a description or a tag's value no blank is left at the end of the line, and a tilde is a word's like any other."""
    text = written(replace(BILLED, description="", tags={"note": "", "other": "a~b"}))
    assert "\n2026-12-01 * (inv:1)\n    ; note:\n    ; other: a~b\n" in text
    assert "\n2026-12-01 * (inv:1) a~b\n" in written(replace(BILLED, description="a~b"))
