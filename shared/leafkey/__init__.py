"""Leafkey's core: one source for CPython and MicroPython, without I/O (see ../SPEC.md)."""
