"""The Leafkey node: sockets, storage and applications on asyncio, for MicroPython and CPython.

from leafnode import Server  # or Client; a node loads only what it uses
"""

_MODULES = {
    "Server": "server",
    "Client": "client",
    "Response": "response",
    "BadRequest": "request",
}


def __getattr__(name: str):
    """Load what is asked for when it is asked for: a server alone needs no client's memory."""
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(__import__("leafnode." + _MODULES[name], None, None, (name,)), name)
