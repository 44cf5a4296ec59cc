"""What differs between CPython and MicroPython: the only file that asks which runtime this is."""

import sys

MICROPYTHON = sys.implementation.name == "micropython"

if MICROPYTHON:
    from micropython import const
else:

    def const(value: int) -> int:
        """Mark a module-level integer that MicroPython's compiler folds into its uses."""
        return value
