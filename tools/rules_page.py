"""docs/rules.md: every rule of a direct-debit file by its id, made of the rules themselves.

python tools/rules_page.py > docs/rules.md
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bridge.custody.soundness import OTHER_CHECKS
from bridge.reports.validation import OWN_CHECKS
from bridge.rules import scheme

HEAD = """\
# The rules of a direct-debit file

Made by `tools/rules_page.py` of the rules in `bridge/rules/scheme/`; a test holds this page to them. `bridge validate FILE` asks
them of anybody's file, `bridge batch check MSGID` of a sealed one of ours; a file of ours that breaks one is not sealed. `bridge
explain SDD-017` prints one. The ISO schema lets nearly all of this through.
"""
PARTS = {
    "file": "The file",
    "block": "Each block",
    "debit": "Each debit",
    "message": "What must and must not stand in the message",
    "bank": "What one bank takes (`templates/banks/`)",
}


def page() -> str:
    parts = [HEAD]
    for of, title in PARTS.items():
        rows = [f"| {rule.id} | {rule.sentence} | {rule.source} |" for rule in _rules(of)]
        parts.append("\n".join([f"## {title}\n", "| rule | what it says | where it is written |", "|---|---|---|", *rows]) + "\n")
    checks = [f"| {id} | {title} |" for id, title in {**OTHER_CHECKS, **OWN_CHECKS}.items()]
    parts.append("\n".join(["## Beyond the rules\n", "| check | what it says |", "|---|---|", *checks]) + "\n")
    return "\n".join(parts)


def _rules(of: str) -> list[scheme.Rule]:
    return [scheme.RULES[id] for id in sorted(scheme.RULES) if scheme.RULES[id].of == of]


if __name__ == "__main__":
    sys.stdout.write(page())
