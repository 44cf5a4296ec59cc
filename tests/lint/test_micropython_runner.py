"""The runner of the both-runtimes tests tells every kind of failure from success."""

import pytest

from tests.runner import run_micropython

HEAD = "import unittest\n\n\nclass Case(unittest.TestCase):\n"


def outcome(tmp_path, text):
    path = tmp_path / "test_sample.py"
    path.write_text(text, encoding="utf-8")
    return run_micropython.run_file(path, tmp_path)


def test_passing_tests_are_counted(tmp_path):
    found = outcome(tmp_path, HEAD + "    def test_a(self): pass\n    def test_b(self): pass\n")
    assert (found.passed, found.failed) == (2, 0)


@pytest.mark.parametrize(
    "body",
    [
        "self.assertEqual(1, 2)",
        "self.assertNotEqual(1, 1)",
        "self.assertTrue(0)",
        "self.assertFalse(1)",
        "self.assertIs([], [])",
        "self.assertIsNone(0)",
        "self.assertIn(1, [2])",
        "with self.assertRaises(ValueError): pass",
        "with self.assertRaises(ValueError): raise KeyError()",
        "raise ValueError()",
    ],
)
def test_a_failing_test_is_counted_and_shown(tmp_path, body):
    text = HEAD + f"    def test_a(self): pass\n    def test_b(self):\n        {body}\n"
    found = outcome(tmp_path, text)
    assert (found.passed, found.failed) == (1, 1)
    assert "FAILED Case.test_b" in found.output
    assert "Traceback" in found.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import unittest\n", "no test ran"),
        ("import nothing_of_this_name\n", "ImportError"),
        ("import sys\nprint('passed 5 failed 0')\nsys.exit(3)\n", "exit code 3"),
        ("# timeout: 1\nwhile True:\n    pass\n", "ended after 1 s"),
        ("held = []\nwhile True:\n    held.append(bytes(1000))\n", "MemoryError"),
    ],
)
def test_a_file_that_does_not_finish_has_failed(tmp_path, text, said):
    found = outcome(tmp_path, text)
    assert found.failed == 1
    assert said in found.output


def test_a_file_can_ask_for_a_larger_heap(tmp_path):
    body = "    def test_a(self):\n        self.assertEqual(len(bytearray(500000)), 500000)\n"
    assert outcome(tmp_path, HEAD + body).failed == 1
    assert outcome(tmp_path, "# heap: 1m\n" + HEAD + body).failed == 0


def test_set_up_and_tear_down_surround_each_test(tmp_path):
    body = (
        "    count = []\n"
        "    def setUp(self): self.count.append('up')\n"
        "    def tearDown(self): self.count.append('down')\n"
        "    def test_a(self): self.assertEqual(self.count, ['up'])\n"
        "    def test_b(self): self.assertEqual(self.count, ['up', 'down', 'up'])\n"
    )
    assert outcome(tmp_path, HEAD + body).passed == 2
