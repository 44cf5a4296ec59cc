"""OSCORE clients and servers: of aiocoap, of the libcoap that fetch_peers.py fetches, and ours."""

import json
import sys
from pathlib import Path
from typing import NamedTuple

import aiocoap
from aiocoap.oscore import FilesystemSecurityContext, NotAProtectedMessage

from tests.interop.peers import NODES, AiocoapClient, LibcoapClient, our_client
from tests.support.processes import Process, free_port, micropython
from tests.support.tools import tool

AES_CCM, CHACHA20_POLY1305 = 10, 24
# What aiocoap calls them; libcoap has the first alone.
ALGORITHMS = {AES_CCM: "AES-CCM-16-64-128", CHACHA20_POLY1305: "ChaCha20/Poly1305"}


class Shared(NamedTuple):
    """What both ends of a context are given."""

    client_id: bytes = b"C"
    server_id: bytes = b"S"
    secret: bytes = bytes(range(1, 17))
    salt: bytes = b"\x9e\x7c\xa9\x22"
    id_context: bytes | None = None
    alg: int = AES_CCM
    # Make contexts anew from it (appendix B.2); of the foreign peers libcoap alone can.
    renews: bool = False

    def for_aiocoap(self, folder: Path, is_server: bool) -> str:
        """Write one end's file; returns the directory that is its base."""
        mine, other = self._ids(is_server)
        settings = {
            "sender-id_hex": mine.hex(),
            "recipient-id_hex": other.hex(),
            "secret_hex": self.secret.hex(),
            "salt_hex": self.salt.hex(),
            "algorithm": ALGORITHMS[self.alg],
        }
        if self.id_context is not None:
            settings["id-context_hex"] = self.id_context.hex()
        base = folder / f"aiocoap-{mine.hex()}-{other.hex()}"
        base.mkdir(exist_ok=True)
        (base / "settings.json").write_text(json.dumps(settings))
        return str(base)

    def for_libcoap(self, folder: Path, is_server: bool) -> str:
        """Write one end's file; returns it with the file for its sequence numbers, as -E wants."""
        mine, other = self._ids(is_server)
        lines = [
            f'master_secret,hex,"{self.secret.hex()}"',
            f'master_salt,hex,"{self.salt.hex()}"',
            f'sender_id,hex,"{mine.hex()}"',
            f'recipient_id,hex,"{other.hex()}"',
            f"aead_alg,integer,{self.alg}",
            "hkdf_alg,integer,-10",
            "replay_window,integer,32",
        ]
        if self.id_context is not None:
            lines.append(f'id_context,hex,"{self.id_context.hex()}"')
        if self.renews:
            lines.append("rfc8613_b_2,bool,true")
        file = folder / f"libcoap-{mine.hex()}-{other.hex()}"
        file.write_text("\n".join([*lines, ""]))
        return f"{file},{file}.sequence"

    def for_ours(self, is_server: bool) -> dict:
        """What a node reads of one end (nodes/credentials.py)."""
        mine, other = self._ids(is_server)
        return {
            "secret": self.secret.hex(),
            "sender_id": mine.hex(),
            "recipient_id": other.hex(),
            "salt": self.salt.hex(),
            "id_context": None if self.id_context is None else self.id_context.hex(),
            "alg": self.alg,
        }

    def _ids(self, is_server: bool) -> tuple[bytes, bytes]:
        ids = (self.server_id, self.client_id)
        return ids if is_server else ids[::-1]


class AiocoapOscoreClient(AiocoapClient):
    """aiocoap's client, all of whose requests go through one context."""

    def __init__(self, shared: Shared, folder: Path):
        self._security = FilesystemSecurityContext(shared.for_aiocoap(folder, is_server=False))

    async def _context(self) -> aiocoap.Context:
        context = await super()._context()
        context.client_credentials["coap://*"] = self._security
        return context

    async def _exchange(self, message: aiocoap.Message) -> tuple[str, bytes]:
        try:
            return await super()._exchange(message)
        except NotAProtectedMessage as error:
            refusal = error.plain_message
            assert not refusal.code.is_successful()
            return refusal.code.dotted, refusal.payload


class LibcoapOscoreClient(LibcoapClient):
    """libcoap's coap-client, which keeps its sequence numbers in a file."""

    def __init__(self, shared: Shared, folder: Path):
        super().__init__("coap-client-oscore", "-E", shared.for_libcoap(folder, is_server=False))


def aiocoap_oscore_server(shared: Shared, folder: Path, port: int = 0) -> tuple[Process, int]:
    """Start an aiocoap server; returns it and its port once it serves."""
    port = port or free_port()
    base = shared.for_aiocoap(folder, is_server=True)
    server = Process([sys.executable, str(NODES / "aiocoap_server.py"), str(port), base])
    server.wait_for("ready")
    return server, port


def libcoap_oscore_server(shared: Shared, folder: Path, port: int = 0) -> tuple[Process, int]:
    """Start libcoap's example server on IPv4; returns it and its port."""
    port = port or free_port()
    settings = shared.for_libcoap(folder, is_server=True)
    command = [tool("coap-server-oscore"), "-A", "127.0.0.1", "-p", str(port), "-E", settings]
    server = Process([*command, "-v", "7"])
    server.wait_for("created UDP")
    return server, port


def our_oscore_server(folder: Path, *shared: Shared, port: int = 0) -> tuple[Process, int]:
    """Start the MicroPython S with its state in `folder`; returns it and its port."""
    port = port or free_port()
    given = _credentials(folder / "server.json", [each.for_ours(True) for each in shared])
    command = [micropython(), str(NODES / "server.py"), str(port), str(folder / "server"), given]
    server = Process(command)
    server.wait_for("ready")
    return server, port


def our_oscore_client(folder: Path, shared: Shared, *actions: tuple[str, str]) -> list[str]:
    """Let the MicroPython C do (action, uri) pairs at one server; returns what came of each."""
    given = _credentials(folder / "client.json", [shared.for_ours(False)])
    return our_client(*actions, oscore=(str(folder / "client"), given))


def _credentials(file: Path, contexts: list[dict]) -> str:
    file.write_text(json.dumps(contexts))
    return str(file)
