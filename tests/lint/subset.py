"""What MicroPython lacks or does differently, found in syntax trees.

Each rule was seen to fail, or to differ from CPython, on MicroPython 1.29 (unix port). What
mpy-cross rejects is here too, because its message is only "invalid syntax".
"""

import ast
from collections.abc import Iterator

from tests.lint.sources import Source, called_name, line_of

NODES = {
    ast.Assert: "assert vanishes at -O1 and in frozen code: raise",
    ast.Global: "no module state",
    ast.Match: "no match statement",
    ast.TryStar: "no except*",
}
METHODS = {
    "add_note", "bit_count", "bit_length", "casefold", "expandtabs", "format_map", "hexdigest",
    "is_integer", "isalnum", "isascii", "isidentifier", "ljust", "removeprefix", "removesuffix",
    "rjust", "title", "tobytes", "toreadonly", "translate", "zfill", "_asdict", "_replace",
}  # fmt: skip
FUNCTIONS = {"ascii", "slice", "vars", "aiter", "anext", "breakpoint"}
# Built into C there, with positional arguments alone.
NO_KEYWORDS = {
    "from_bytes", "split", "rsplit", "sum", "int", "zip", "namedtuple", "deque", "round", "pow",
}  # fmt: skip
CLASS_NAMES = {"__init_subclass__", "__class_getitem__", "__slots__", "__del__"}
GENERICS = {"list", "dict", "tuple", "set", "frozenset", "type"}
BROAD = {"Exception", "BaseException"}

CATCH = "catch what is expected, or raise again"

Finding = tuple[int, str]


def _annotations(tree: ast.Module) -> set[ast.AST]:
    """Return every node inside an annotation: MicroPython parses these and forgets them."""
    roots: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            roots.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            roots.append(node.returns)
    return {node for root in roots for node in ast.walk(root)}


def _statement(node: ast.AST) -> str:
    if isinstance(node, ast.ImportFrom) and any(name.name.startswith("_") for name in node.names):
        return "a private constant disappears from its module: import public names"
    if isinstance(node, ast.Delete) and any(_sliced(target) for target in node.targets):
        return "no `del b[i:j]`"
    if isinstance(node, ast.Raise) and node.cause and not _is_none(node.cause):
        return "no exception chaining: the cause is lost, and a warning is printed"
    if isinstance(node, ast.ExceptHandler) and _catches_all(node) and not _raises(node):
        return CATCH
    return NODES.get(type(node), "")


def _class(node: ast.AST) -> str:
    if not isinstance(node, ast.ClassDef):
        return ""
    if len(node.bases) > 1:
        return "single inheritance: two bases can fail at definition"
    if node.keywords:
        return "no metaclass"
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement]
        for target in targets:
            name = getattr(target, "name", getattr(target, "id", ""))
            if name in CLASS_NAMES:
                return f"{name} is ignored"
    return ""


def _call(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    name = called_name(node)
    if isinstance(node.func, ast.Attribute) and name in METHODS:
        return f"no method {name}"
    if isinstance(node.func, ast.Name) and name in FUNCTIONS:
        return f"no built-in {name}"
    return _arguments(node, name)


def _arguments(call: ast.Call, name: str) -> str:
    flushes = name == "print" and any(keyword.arg == "flush" for keyword in call.keywords)
    if (name in NO_KEYWORDS and call.keywords) or flushes:
        return f"{name} does not take these keyword arguments"
    if name == "pow" and len(call.args) == 3 and not _is_constant(call.args[1]):
        return "three-argument pow is wrong for negative exponents: name one that is none"
    if name in ("isinstance", "issubclass") and isinstance(call.args[1], ast.BinOp):
        return "no union types: give a tuple"
    return ""


def _is_constant(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id.isupper()


def _display(node: ast.AST) -> str:
    if isinstance(node, ast.Slice) and node.step:
        return "bytes know no slices with a step"
    if isinstance(node, ast.Dict) and None in node.keys:
        return "no ** in a display"
    loads = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
    if isinstance(node, ast.List | ast.Tuple | ast.Set) and loads:
        return "no * in a display" if any(isinstance(e, ast.Starred) for e in node.elts) else ""
    if isinstance(node, ast.comprehension) and node.is_async:
        return "no async comprehension"
    if isinstance(node, ast.arguments) and node.posonlyargs:
        return "no positional-only parameters"
    return ""


def _generic(node: ast.AST) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return "no generic types at run time" if node.value.id in GENERICS else ""
    return ""


def _sliced(target: ast.expr) -> bool:
    return isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _catches_all(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in BROAD) for kind in kinds)


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(handler))


RULES = (_statement, _class, _call, _display, _generic)


def findings(source: Source) -> Iterator[Finding]:
    """Yield (line, what) of everything in a file that MicroPython does not run as CPython does."""
    annotations = _annotations(source.tree)
    for node in ast.walk(source.tree):
        if node in annotations:
            continue
        for rule in RULES:
            what = rule(node)
            if what:
                yield line_of(node), what
