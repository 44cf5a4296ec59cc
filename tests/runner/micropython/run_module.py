"""Run one test module on MicroPython: `micropython run_module.py tests.unit.codec.test_cbor`.

The last line is `passed P failed F`; the exit code is 0 only if something ran and nothing failed.
"""

import sys
import unittest


def main(name):
    __import__(name)
    passed, failed = unittest.run_module(sys.modules[name])
    print("passed", passed, "failed", failed)
    sys.exit(0 if passed and not failed else 1)


main(sys.argv[1])
