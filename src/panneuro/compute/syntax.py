"""Python's syntax as the code of steps is looked at: what a statement defines, uses and imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import cast

WHOLE = ""
"""Stands for a module itself, where the name in a module is asked for."""

IMPORT = "*import*"
"""Stands before what a function imports by itself."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_IMPORTERS = ("need", "import_module")


def flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those under ``if`` and ``try`` at the top as well."""
    for statement in body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
            yield from flat(statement.orelse)
        elif isinstance(statement, ast.If):
            yield from flat([*statement.body, *statement.orelse])
        elif isinstance(statement, ast.Try):
            handlers = [inner for handler in statement.handlers for inner in handler.body]
            yield from flat([*statement.body, *handlers, *statement.orelse, *statement.finalbody])
        else:
            yield statement


def imports_of(
    statement: ast.Import | ast.ImportFrom, package: str
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the names that an import binds, each with the module and the name that it stands for.

    Parameters
    ----------
    statement : ast.Import or ast.ImportFrom
        The import.
    package : str
        That the module is in, for relative ones.
    """
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            top = alias.name.partition(".")[0]
            yield alias.asname or top, (alias.name if alias.asname else top, WHOLE)
        return
    module = statement.module or ""
    if statement.level:
        parts = package.split(".")[: len(package.split(".")) - statement.level + 1]
        module = ".".join([*parts, *filter(None, [module])])
    for alias in statement.names:
        yield alias.asname or alias.name, (module, WHOLE if alias.name == "*" else alias.name)


def assigned_by(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement assigns."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = list(statement.targets)
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.TypeAlias):
        targets = [statement.name]
    for target in targets:
        yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def names_in(statement: ast.stmt, package: str = "") -> Iterator[tuple[str, ...]]:
    """Yield the names that a statement uses, with the first attribute asked of each.

    What it imports inside a function is yielded as `IMPORT`, module and name.
    """
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr
        elif isinstance(node, ast.Name):
            yield (node.id,)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for _, (module, name) in imports_of(node, package):
                yield IMPORT, module, name
        elif isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name):
            named = node.args[0]
            if node.func.id in _IMPORTERS and isinstance(named, ast.Constant):
                yield IMPORT, str(named.value), WHOLE


def bare(text: str) -> ast.Module:
    """Return a module without what has no say in what it computes."""
    return cast(ast.Module, _Bare().visit(ast.parse(text)))


def is_docstring(statement: ast.stmt) -> bool:
    """Say whether a statement is only a text or another constant."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class _Bare(ast.NodeTransformer):
    """Takes out docstrings, the types of arguments, and what `step` is told."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, Definition):
            node.body = [one for one in node.body if not is_docstring(one)] or [ast.Pass()]
            node.decorator_list = [one for one in node.decorator_list if not _is_step(one)]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        return node


def _is_step(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else None
    return getattr(called, "id", getattr(called, "attr", "")) == "step"
