"""The Leafkey node: sockets, storage and applications on asyncio, for MicroPython and CPython."""

_MODULES = {
    "Server": "server",
    "Client": "client",
    "Response": "response",
    "BadRequest": "request",
}


def __getattr__(name: str) -> object:
    # Loaded when asked for: a node that only serves has no room for a client.
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(__import__(_MODULES[name], globals(), None, (name,), 1), name)
