"""The mutants of a module: its syntax tree with one small thing changed. No file is written, nothing is run.

A mutant is named by its file, the function or table, and what was changed ("rules/calendar.py add_target_days: count == 0 ->
count != 0"), so that its name survives edits elsewhere; the second of the same name gets "#2". Left alone is what no test can or
should see: words for people, annotations, ``assert``, ``dataclass(...)``, ``zip(strict=...)``.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType

CONTEXT_MAX = 60  # letters of the expression around a change that are named
AROUND = 24  # of a longer one: letters on each side of the change
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "reversed": "list"}
CLEANING = {"strip", "lstrip", "rstrip", "lower", "upper", "casefold", "title"}
FILTERS = {"where"}  # each condition of a query is dropped once
DROPPED = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)

Undo = Callable[[], None]
Change = Callable[[], Undo]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. ``lines`` are those of its statement; in ``<module>`` code they run when the module is imported."""

    name: str
    function: str
    lines: tuple[int, int]
    at_import: bool
    _change: Change
    _tree: ast.Module

    def code(self, path: str) -> CodeType:
        """The module with this one change, compiled as if it stood in ``path``."""
        undo = self._change()
        try:
            return compile(ast.fix_missing_locations(self._tree), path, "exec")
        finally:
            undo()


def of(file: str, source: str) -> list[Mutant]:
    """All mutants of a module, in the order of its lines. ``file`` is how the module is called in their names."""
    tree = ast.parse(source)
    walk = _Walk(tree)
    walk.body(tree.body, "")
    seen: Counter[str] = Counter()
    found = []
    for function, at_import, lines, told, change in walk.found:
        name = f"{file} {function}: {told}"
        seen[name] += 1
        found.append(Mutant(name if seen[name] == 1 else f"{name} #{seen[name]}", function, lines, at_import, change, tree))
    return found


class _Walk:
    """Goes through a tree and keeps every change that can be made, with its undoing."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.found: list[tuple[str, bool, tuple[int, int], str, Change]] = []
        self.parents: list[ast.AST] = []
        self.lines = (0, 0)
        self.function = ""
        self.depth = 0  # of functions

    # ---- statements

    def body(self, statements: list[ast.stmt], function: str) -> None:
        for place, statement in enumerate(statements):
            if _is_docstring(statement) or _is_left_alone(statement):
                continue
            before = self.function, self.lines
            self.function = function or _assigned(statement)
            self.lines = _head(statement)
            self._statement(statements, place, statement, function)
            self.function, self.lines = before

    def _statement(self, statements: list[ast.stmt], place: int, statement: ast.stmt, function: str) -> None:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(statement, function)
                return
            case ast.ClassDef():
                name = f"{function}.{statement.name}".lstrip(".")
                self.body(statement.body, name)
                return
            case ast.AnnAssign():
                self._fields(statement, ("value",))
                return
        if isinstance(statement, DROPPED):
            self._keep(statement, f"{_short(statement)} -> dropped", _put(statements, place, ast.Pass()))
        if isinstance(statement, ast.Raise):
            return  # the rest of it is a message
        if isinstance(statement, ast.AugAssign):
            self._swap(statement, ARITHMETIC, "op")
        if isinstance(statement, ast.Return) and statement.value is not None and not _is_none(statement.value):
            self._keep(statement, f"{_short(statement)} -> return None", _set(statement, "value", ast.Constant(None)))
        if isinstance(statement, ast.If | ast.While):
            self._condition(statement)
        self._children(statement, function)

    def _children(self, statement: ast.stmt, function: str) -> None:
        for name, value in ast.iter_fields(statement):
            for place, item in enumerate(value if isinstance(value, list) else [value]):
                match item:
                    case ast.ExceptHandler():
                        self.body(item.body, function)
                    case ast.match_case():
                        if item.guard is not None:
                            self._child(item, "guard", None, item.guard)
                        self.body(item.body, function)
                    case ast.withitem():
                        self._child(item, "context_expr", None, item.context_expr)
                    case ast.expr():
                        self._child(statement, name, place if isinstance(value, list) else None, item)
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                self.body(value, function)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, outer: str) -> None:
        name = f"{outer}.{node.name}".lstrip(".")
        self.function = name
        for place, decorator in enumerate(node.decorator_list):
            self._child(node, "decorator_list", place, decorator)
        for field in ("defaults", "kw_defaults"):
            for place, default in enumerate(getattr(node.args, field)):
                if default is not None:
                    self._child(node.args, field, place, default)
        self.depth += 1
        self.body(node.body, name)
        self.depth -= 1

    # ---- expressions

    def _child(self, parent: ast.AST, field: str, place: int | None, node: ast.expr) -> None:
        """An expression in its place, which the change of the whole expression needs."""
        put = (lambda new: _set(parent, field, new)) if place is None else (lambda new: _put(getattr(parent, field), place, new))
        self.parents.append(parent)
        self._expression(node, put)
        self.parents.pop()

    def _fields(self, node: ast.AST, names: tuple[str, ...] | None = None) -> None:
        for name, value in ast.iter_fields(node):
            if names is not None and name not in names:
                continue
            if isinstance(value, ast.expr):
                self._child(node, name, None, value)
            elif isinstance(value, list):
                for place, item in enumerate(value):
                    if isinstance(item, ast.expr):
                        self._child(node, name, place, item)
                    elif isinstance(item, ast.keyword | ast.comprehension) and getattr(item, "arg", "") != "strict":
                        self.parents.append(node)
                        self._fields(item)
                        self.parents.pop()

    def _expression(self, node: ast.expr, put: Callable[[ast.expr], Change]) -> None:
        match node:
            case ast.JoinedStr():
                return  # words for people
            case ast.Call() if _is_no_logic(node):
                return
            case ast.Subscript() if self.depth == 0:
                return  # a type
            case ast.Constant():
                self._constant(node, put)
            case ast.Call():
                self._call(node, put)
            case ast.Dict() | ast.Set() | ast.Tuple() | ast.List():
                self._data(node)
            case _:
                self._logic(node, put)
        self._fields(node)

    def _logic(self, node: ast.expr, put: Callable[[ast.expr], Change]) -> None:
        match node:
            case ast.Compare():
                for place, operator in enumerate(node.ops):
                    self._keep(node, None, _put(node.ops, place, COMPARISONS[type(operator)]()))
            case ast.BoolOp():
                self._boolean(node, put)
            case ast.UnaryOp(op=ast.Not()):
                self._keep(node, None, put(node.operand), node.operand)
            case ast.BinOp():
                self._swap(node, ARITHMETIC, "op")
            case ast.IfExp():
                self._condition(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                for generator in node.generators:
                    for place in range(len(generator.ifs)):
                        self._keep(node, f"{_short(generator.ifs[place])} -> dropped", _drop(generator.ifs, place))

    def _data(self, node: ast.Dict | ast.Set | ast.Tuple | ast.List) -> None:
        if not self._is_table(node, self.parents[-1]):
            return
        if isinstance(node, ast.Dict):
            self._table(node)
        elif len(node.elts) > 1:
            for place, element in enumerate(node.elts):
                self._keep(node, f"{_short(element)} -> dropped", _drop(node.elts, place))

    def _constant(self, node: ast.Constant, put: Callable[[ast.expr], Change]) -> None:
        value, new = node.value, None
        if isinstance(value, bool):
            new = ast.Constant(not value)
        elif isinstance(value, int):
            new = ast.Constant(value + 1)
        elif isinstance(value, str) and not any(letter.isspace() for letter in value):
            new = ast.Constant(value + "~")
        elif isinstance(value, bytes) and not value.isspace():
            new = ast.Constant(value + b"~")
        if new is not None and not self._is_entry(node):
            self._keep(node, None, put(new), new)

    def _is_entry(self, node: ast.Constant) -> bool:
        """A key, a value or an element of a table: it is dropped or exchanged as such."""
        parent = self.parents[-1]
        match parent:
            case ast.Dict():
                return self._is_table(parent, self.parents[-2]) and (node in parent.keys or len(parent.values) > 1)
            case ast.Set() | ast.Tuple() | ast.List():
                return len(parent.elts) > 1 and self._is_table(parent, self.parents[-2])
            case _:
                return False

    def _boolean(self, node: ast.BoolOp, put: Callable[[ast.expr], Change]) -> None:
        self._keep(node, None, _set(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And()))
        for value in node.values:
            if not isinstance(value, ast.Compare | ast.UnaryOp | ast.BoolOp):  # these are turned round by themselves
                rest = [other for other in node.values if other is not value]
                self._keep(
                    node, f"{_short(node)} without {_short(value)}", put(rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest))
                )

    def _condition(self, node: ast.If | ast.While | ast.IfExp) -> None:
        """A bare truth is denied; comparisons are turned round by themselves."""
        if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant):
            told = f"if {_short(node.test)} -> if not"
            self._keep(node, told, _set(node, "test", ast.UnaryOp(ast.Not(), node.test)))

    def _swap(self, node: ast.BinOp | ast.AugAssign, others: dict[type[ast.operator], type[ast.operator]], field: str) -> None:
        other = others.get(type(node.op))
        if other is not None:
            self._keep(node, None, _set(node, field, other()))

    def _call(self, node: ast.Call, put: Callable[[ast.expr], Change]) -> None:
        match node.func:
            case ast.Name(id=name) if name in CALLS:
                self._keep(node, None, _set(node, "func", ast.Name(CALLS[name], ast.Load())))
            case ast.Attribute(attr=name, value=value) if name in CLEANING and not node.args:
                self._keep(node, None, put(value), value)
            case ast.Attribute(attr=name) if name in FILTERS:
                for place, argument in enumerate(node.args):
                    self._keep(node, f"{name}({_short(argument)}) -> dropped", _drop(node.args, place))

    def _is_table(self, node: ast.expr, parent: ast.AST) -> bool:
        """Data of the module itself, or what ``in`` looks through; a tuple that is one value of a table is a record instead."""
        if isinstance(parent, ast.Compare):
            return node in parent.comparators
        if isinstance(node, ast.Tuple) and isinstance(parent, ast.Dict):
            return False
        return self.depth == 0 and not isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)

    def _table(self, node: ast.Dict) -> None:
        """Each entry is dropped; each value is exchanged for the next other one of the table."""
        written = [ast.unparse(value) for value in node.values]
        for place, key in enumerate(node.keys):
            if key is None:
                continue
            told = f"[{self._path(node)}{_short(key)}]"
            self._keep(node, f"{told} -> dropped", _drop_entry(node, place))
            others = [at for at in [*range(place + 1, len(written)), *range(place)] if written[at] != written[place]]
            if others and not isinstance(node.values[place], ast.Dict | ast.JoinedStr) and not _is_words(node.values[place]):
                new = node.values[others[0]]
                self._keep(node, f"{told} {_short(node.values[place])} -> {_short(new)}", _put(node.values, place, new))

    def _path(self, node: ast.Dict) -> str:
        """The keys that lead to a table inside tables."""
        keys = []
        inner: ast.AST = node
        for parent in reversed(self.parents):
            if isinstance(parent, ast.Dict):
                place = next((at for at, value in enumerate(parent.values) if value is inner), None)
                if place is not None and parent.keys[place] is not None:
                    keys.append(_short(parent.keys[place]))
            inner = parent
        return "".join(f"{key}, " for key in reversed(keys))

    # ---- keeping

    def _keep(self, node: ast.AST, told: str | None, change: Change, new: ast.AST | None = None) -> None:
        """``told`` None: the change is told by the expression around it, before and after; ``new`` takes the node's place."""
        if told is None:
            around = self._around(node)
            before = _flat(around)
            undo = change()
            after = _flat(new if new is not None and around is node else around)
            undo()
            told = _difference(before, after)
        self.found.append((self.function or "<module>", self.depth == 0, self.lines, told.replace("`", "'"), change))

    def _around(self, node: ast.AST) -> ast.AST:
        """The largest short expression around a node: a number alone says little."""
        around = node
        for parent in reversed(self.parents):
            if (
                not isinstance(parent, ast.expr | ast.keyword | ast.Return | ast.Assign | ast.AugAssign)
                or len(ast.unparse(parent)) > CONTEXT_MAX
            ):
                break
            around = parent
        return around


# ---- what is left alone --------------------------------------------------------------------------------------------------------


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)
    )


def _is_left_alone(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Pass() | ast.Global():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError"))):
            return True
        case _:
            return False


def _is_no_logic(node: ast.Call) -> bool:
    return ast.unparse(node.func).rsplit(".", maxsplit=1)[-1] in {"dataclass", "lru_cache", "TypeVar", "cast"}


def _is_words(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


# ---- changes and their undoing -------------------------------------------------------------------------------------------------


def _set(node: ast.AST, field: str, new: object) -> Change:
    def change() -> Undo:
        old = getattr(node, field)
        setattr(node, field, new)
        return lambda: setattr(node, field, old)

    return change


def _put(items: list, place: int, new: object) -> Change:  # type: ignore[type-arg]
    def change() -> Undo:
        old = items[place]
        items[place] = new
        return lambda: items.__setitem__(place, old)

    return change


def _drop(items: list, place: int) -> Change:  # type: ignore[type-arg]
    def change() -> Undo:
        old = items.pop(place)
        return lambda: items.insert(place, old)

    return change


def _drop_entry(table: ast.Dict, place: int) -> Change:
    def change() -> Undo:
        key, value = table.keys.pop(place), table.values.pop(place)

        def undo() -> None:
            table.keys.insert(place, key)
            table.values.insert(place, value)

        return undo

    return change


# ---- words ---------------------------------------------------------------------------------------------------------------------


def _flat(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def _short(node: ast.AST | None) -> str:
    text = "" if node is None else _flat(node)
    return text if len(text) <= CONTEXT_MAX else f"{text[: CONTEXT_MAX // 2]}...{text[-CONTEXT_MAX // 2 :]}"


def _difference(before: str, after: str) -> str:
    """Both texts; of long ones only what surrounds the change."""
    if max(len(before), len(after)) <= CONTEXT_MAX + 10:
        return f"{before} -> {after}"
    shorter = min(len(before), len(after))
    same = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    alike = next((at for at in range(shorter - same) if before[-1 - at] != after[-1 - at]), shorter - same)
    return f"{_window(before, same, len(before) - alike)} -> {_window(after, same, len(after) - alike)}"


def _window(text: str, start: int, end: int) -> str:
    first, last = max(0, start - AROUND), min(len(text), end + AROUND)
    cut = (
        text[first:last]
        if last - first <= 2 * CONTEXT_MAX
        else f"{text[first : first + CONTEXT_MAX]}...{text[last - CONTEXT_MAX : last]}"
    )
    return f"{'...' if first else ''}{cut}{'...' if last < len(text) else ''}"


def _assigned(statement: ast.stmt) -> str:
    """The table or constant that a statement of the module makes."""
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)])
            | ast.AnnAssign(target=ast.Name(id=name))
            | ast.AugAssign(target=ast.Name(id=name))
        ):
            return name
        case _:
            return ""


def _head(statement: ast.stmt) -> tuple[int, int]:
    """The lines of a statement; of one with a body, those before it."""
    body: Iterator[ast.stmt] = iter(getattr(statement, "body", []))
    first = next(body, None)
    end = statement.end_lineno or statement.lineno
    return statement.lineno, max(statement.lineno, first.lineno - 1) if isinstance(first, ast.stmt) else end
