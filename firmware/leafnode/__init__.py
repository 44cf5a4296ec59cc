"""The Leafkey node: sockets, storage and applications on asyncio, for MicroPython and CPython.

from leafnode import Server  # or Client; a node loads only what it uses
"""


def __getattr__(name: str) -> object:
    """Load Server and Client when they are asked for: a server alone needs no client's memory."""
    if name == "Server":
        from leafnode.server import Server

        return Server
    if name == "Client":
        from leafnode.client import Client

        return Client
    raise AttributeError(name)
