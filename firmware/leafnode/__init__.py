"""The Leafkey node: sockets, storage and applications on asyncio, for MicroPython and CPython."""
