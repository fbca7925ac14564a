"""docs/rules.md says what the rules say."""

from __future__ import annotations

import sys

from tests.house.code import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import rules_page


def test_the_page_is_made_of_the_rules(regen: bool) -> None:
    """Whoever changes a rule makes the page anew: python tools/rules_page.py > docs/rules.md."""
    page = ROOT / "docs" / "rules.md"
    if regen:
        page.write_text(rules_page.page(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == rules_page.page()
