"""Runs vector cases of tests/vectors/crypto against functions."""

from leafkey import errors
from tests.support import vectors


def values(case: dict, fields: tuple) -> list:
    """Return the fields of a case: numbers as they are, text as the bytes it stands for."""
    return [
        case[field] if isinstance(case[field], int) else vectors.unhex(case[field])
        for field in fields
    ]


def check(test, label: str, suite: str, function, inputs: tuple, outputs: tuple):
    """Call `function(*inputs)` for every case; it returns the first output, or fails as expected.

    A field that is neither an input nor an output fails the test: it would go unverified.
    """
    for name, case in vectors.load("crypto/" + suite):
        name = label + ", " + name
        known = ("name", "expect") + inputs + outputs
        test.assertEqual([field for field in case if field not in known], [], name)
        arguments = values(case, inputs)
        if case["expect"] == "ok":
            test.assertEqual(function(*arguments), values(case, outputs)[0], name)
        else:
            check_failure(test, name, case["expect"], function, arguments)


def check_failure(test, name: str, expect: str, function, arguments: list):
    """Call `function`, which must raise `expect` and name none of its arguments."""
    expected = ValueError if expect == "ValueError" else getattr(errors, expect)
    with test.assertRaises(expected, msg=name) as caught:
        function(*arguments)
    text = str(caught.exception)
    for argument in arguments:
        if isinstance(argument, bytes) and len(argument) > 1:
            test.assertFalse(repr(argument)[2:-1] in text or argument.hex() in text, name)
