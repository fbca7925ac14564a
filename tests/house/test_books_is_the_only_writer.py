"""One hand writes money and states: bridge/books.py."""

from __future__ import annotations

import ast

from tests.house.code import BRIDGE, modules, tree, where

BOOKS = BRIDGE / "books.py"
ITS_TABLES = {"Move", "Voucher", "Posting", "Match"}
ITS_COLUMNS = {"state", "version"}
#: no facts of money: a place in the chain, whose version is a lock between two ingests; how far an outcome is on its way there
ITS_OWN = {"Cursor", "Attestation"}
WRITES = {"insert", "update", "delete"}
OUTSIDE = [f for f in modules() if f != BOOKS and "model" not in f.parts]


def test_nobody_else_writes_its_tables() -> None:
    """Outside books no statement inserts, updates or deletes a Move, Voucher, Posting or Match, and none is constructed."""
    found = [f"{where(f, n)} {ast.unparse(n)[:60]}" for f in OUTSIDE for n in ast.walk(tree(f)) if _writes_a_table(n)]
    assert found == []


def test_nobody_else_changes_a_state() -> None:
    """Outside books nobody assigns ``.state`` or ``.version`` of a row, nor sets them in an UPDATE."""
    found = [f"{where(f, n)} {ast.unparse(n)[:60]}" for f in OUTSIDE for n in ast.walk(tree(f)) if _changes_a_state(n)]
    assert found == []


def test_the_reader_sees_a_second_writer() -> None:
    """The detectors find the ways that SQLAlchemy offers."""
    assert all(
        _writes_a_table(_expression(t))
        for t in (
            "insert(Posting)",
            "update(Move)",
            "Voucher(kind='x')",
            "delete(model.Match)",
            "rows.insert(session, Posting, new)",
        )
    )
    assert not _writes_a_table(_expression("select(Posting)"))
    assert all(_changes_a_state(_statement(t)) for t in ("row.state = 'paid'", "row.version += 1"))
    assert _changes_a_state(_expression("update(Invoice).values(state='paid')"))
    assert not _changes_a_state(_expression("Invoice(state='open')"))


def _writes_a_table(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=callee, args=[first, *more]) if _last(callee) in WRITES:
            return any(_last(one) in ITS_TABLES for one in [first, *more[:1]])  # rows.insert(session, table, ...)
        case ast.Call(func=callee):
            return _last(callee) in ITS_TABLES
        case _:
            return False


def _changes_a_state(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=targets):
            return any(isinstance(t, ast.Attribute) and t.attr in ITS_COLUMNS and _last(t.value) != "self" for t in targets)
        case ast.AugAssign(target=ast.Attribute(attr=name)) | ast.AnnAssign(target=ast.Attribute(attr=name)):
            return name in ITS_COLUMNS
        case ast.Call(func=ast.Attribute(attr="values", value=source), keywords=keywords) if "update(" in (
            statement := ast.unparse(source)
        ):
            return any(k.arg in ITS_COLUMNS for k in keywords) and not any(f"update({name})" in statement for name in ITS_OWN)
        case _:
            return False


def _last(node: ast.expr) -> str:
    return ast.unparse(node).rsplit(".", maxsplit=1)[-1]


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _statement(text: str) -> ast.stmt:
    return ast.parse(text).body[0]
