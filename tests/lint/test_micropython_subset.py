"""What MicroPython lacks stays out of shared and firmware; every rule is seen to bite."""

import pytest

from tests.lint import subset
from tests.lint.sources import on_micropython, parse

# Where nothing that a peer or an application does may end the program: what was caught is counted.
CATCHES_ALL = {
    "firmware/leafnode/dtls_listener.py",
    "firmware/leafnode/link.py",
    "firmware/leafnode/observers.py",
    "firmware/leafnode/router.py",
}


def test_shared_and_firmware_keep_to_what_micropython_has():
    problems = [
        f"{source.path}:{line}: {what}"
        for source in on_micropython()
        for line, what in subset.findings(source)
        if not (what == subset.CATCH and source.path in CATCHES_ALL)
    ]
    assert problems == []


@pytest.mark.parametrize(
    "text",
    [
        "match x:\n    case 1: pass",
        "def f(a, /): pass",
        "int.from_bytes(b, 'big', signed=True)",
        "n.bit_length()",
        "text.removeprefix('a')",
        "text.removesuffix('a')",
        "del b[1:2]",
        "class A:\n    def __init_subclass__(cls): pass",
        "class A(B, C): pass",
        "class A(metaclass=B): pass",
        "class A:\n    __slots__ = ('a',)",
        "assert x",
        "try:\n    f()\nexcept:\n    pass",
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept (OSError, Exception) as e:\n    log(e)",
        "try:\n    f()\nexcept* OSError:\n    pass",
        "try:\n    f()\nexcept OSError as e:\n    raise ValueError() from e",
        "pow(3, -1, 7)",
        "pow(3, exponent, 7)",
        "b[::-1]",
        "[*a, *b]",
        "x = {**a}",
        "async def f():\n    return [x async for x in y]",
        "isinstance(x, int | str)",
        "Alias = dict[str, int]",
        "from leafkey.codec.cbor import _UINT",
        "def f():\n    global x",
        "deque((), maxlen=3)",
        "zip(a, b, strict=True)",
        "vars(x)",
        "memoryview(b).tobytes()",
        "print(x, flush=True)",
    ],
)
def test_what_micropython_lacks_is_found(text):
    assert list(subset.findings(parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "def f(a: int | None, *, b: dict[str, int]) -> list[int]: pass",
        "c: list[int] = []",
        "(n := 3)",
        "pow(3, _EXPONENT, 7)",
        "class A(B):\n    def f(self): pass",
        "try:\n    f()\nexcept Exception:\n    raise",
        "try:\n    f()\nexcept OSError:\n    raise ValueError() from None",
        "b[1:2] = b''",
        "f(*a, **b)",
        "a, *b = c",
        "del d[k]",
        "isinstance(x, (int, str))",
        "n.to_bytes(2, 'big')",
        "print(x, file=f)",
        "print(f'{x!r:>{width}}')",
    ],
)
def test_what_micropython_has_passes(text):
    assert list(subset.findings(parse(text))) == []
