"""The part of CPython's unittest that the both-runtimes tests use, for MicroPython.

Only what `tests/unit` is allowed to use is here, so a test that runs on MicroPython runs on CPython
too. Failures are raised as AssertionError by hand: `assert` vanishes at -O.
"""

import sys

SHOWN = 400


def _short(value):
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def _fail(text, message):
    raise AssertionError(text if message is None else text + ": " + message)


class _Raises:
    """What `assertRaises` returns: `exception` is the one that was caught."""

    def __init__(self, expected, message):
        self.expected = expected
        self.message = message
        self.exception = None

    def __enter__(self):
        return self

    def __exit__(self, kind, exception, trace):
        if kind is None:
            _fail(_short(self.expected) + " not raised", self.message)
        self.exception = exception
        return issubclass(kind, self.expected)


class TestCase:
    """One object per test method, as on CPython."""

    def setUp(self):
        """Run before each test."""

    def tearDown(self):
        """Run after each test, also after one that failed."""

    def assertEqual(self, first, second, msg=None):
        if first != second:
            _fail(_short(first) + " != " + _short(second), msg)

    def assertNotEqual(self, first, second, msg=None):
        if first == second:
            _fail(_short(first) + " == " + _short(second), msg)

    def assertTrue(self, value, msg=None):
        if not value:
            _fail(_short(value) + " is not true", msg)

    def assertFalse(self, value, msg=None):
        if value:
            _fail(_short(value) + " is not false", msg)

    def assertIs(self, first, second, msg=None):
        if first is not second:
            _fail(_short(first) + " is not " + _short(second), msg)

    def assertIsNone(self, value, msg=None):
        if value is not None:
            _fail(_short(value) + " is not None", msg)

    def assertIn(self, member, container, msg=None):
        if member not in container:
            _fail(_short(member) + " not in " + _short(container), msg)

    def assertRaises(self, expected, msg=None):
        return _Raises(expected, msg)


def _run_one(case, name):
    case.setUp()
    try:
        getattr(case, name)()
    finally:
        case.tearDown()


def run_class(test_class):
    """Run every test of one class and return (passed, failed); failures print their traceback."""
    passed = failed = 0
    for name in sorted(dir(test_class)):
        if not name.startswith("test"):
            continue
        try:
            _run_one(test_class(), name)
            passed += 1
        except Exception as error:
            failed += 1
            print("FAILED " + test_class.__name__ + "." + name)
            sys.print_exception(error)
    return passed, failed


def run_module(module):
    """Run every TestCase that a module holds and return (passed, failed)."""
    passed = failed = 0
    for name in sorted(dir(module)):
        value = getattr(module, name)
        if isinstance(value, type) and issubclass(value, TestCase) and value is not TestCase:
            class_passed, class_failed = run_class(value)
            passed += class_passed
            failed += class_failed
    return passed, failed
