"""Foreign DTLS clients and servers, with keys that `leafkey derive` prints."""

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import create_engine
from sqlalchemy import select as rows
from sqlalchemy.orm import Session

from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import CON, GET, code_text
from leafmanager.store.database import FILE_NAME
from leafmanager.store.tables import Grant
from tests.support.processes import Process, free_port, leafkey, micropython
from tests.support.tools import tool

NODES = Path(__file__).parent / "nodes"
# MicroPython's and everybody's; OpenSSL wants its security level lowered for any PSK.
CIPHER = "PSK-AES128-GCM-SHA256:@SECLEVEL=0"
BUILDS = ("gnutls", "openssl")
SECONDS = 30
# coap-client and coap-server take a key as text: any bytes but these.
NO_KEY = b"\x00\n\r,"


class Leaf(NamedTuple):
    """The psk_identity and the PSK of one AT, both as hexadecimal digits."""

    identity: str
    psk: str


def derive(root: bytes, address: str, key: str) -> str:
    """Return what `leafkey derive` prints."""
    command = [leafkey(), "derive", "--x", "-", "--addr", address, "--key", key]
    done = subprocess.run(
        command, input=root.hex(), capture_output=True, text=True, check=True, timeout=SECONDS
    )
    return done.stdout.strip()


def leaves(root: bytes, ct: str, children: range) -> Iterator[Leaf]:
    """Yield those leaves of the first level below a Ct that libcoap can be given."""
    for child in children:
        place = f"{ct}.{child}"
        psk = derive(root, place, "psk")
        if not set(NO_KEY) & set(bytes.fromhex(psk)):
            yield Leaf(derive(root, place, "identity"), psk)


def branch(manager: Path) -> tuple[bytes, str]:
    """Return (St, address of Ct) of the only grant that a manager has given."""
    engine = create_engine(f"sqlite:///{manager / FILE_NAME}")
    with Session(engine) as session:
        grant = session.scalars(rows(Grant)).one()
        found = grant.server.st, f"{grant.slot}.{grant.generation}"
    engine.dispose()
    return found


class OpensslClient:
    """`openssl s_client`, which sends what it is given, one datagram at a time."""

    def __init__(self, port: int, leaf: Leaf, cipher: str = CIPHER):
        command = [tool("openssl"), "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{port}"]
        secret = ["-psk", leaf.psk, "-psk_identity", leaf.identity, "-cipher", cipher, "-quiet"]
        self._process = subprocess.Popen(
            [*command, *secret],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> "OpensslClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def get(self, path: str, mid: int = 1) -> tuple[str, bytes]:
        """Make a request in the session; return code and payload, nothing if none comes."""
        message = Message(GET, (), b"", CON, mid, b"\x01")
        message.set_path(path)
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(encode(message))
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], SECONDS)
        if not ready:
            return "", b""
        answer = decode(os.read(self._process.stdout.fileno(), 4096))
        return code_text(answer.code), answer.payload

    def failure(self) -> str:
        """Return all that OpenSSL has to say of a handshake that fails."""
        return self._process.communicate(timeout=SECONDS)[1].decode("latin-1")


class LibcoapClient:
    """Debian's coap-client, with GnuTLS or OpenSSL inside."""

    def __init__(self, build: str):
        self._program = f"coap-client-{build}"

    def run(self, port: int, leaf: Leaf, path: str, *words: str) -> Process:
        """Start it for one resource; its output tells what came of it."""
        secret = ["-u", leaf.identity, "-k", os.fsdecode(bytes.fromhex(leaf.psk))]
        command = [tool(self._program), "-v", "7", "-B", str(SECONDS), *secret, *words]
        return Process([*command, f"coaps://127.0.0.1:{port}{path}"])

    def get(self, port: int, leaf: Leaf, path: str) -> tuple[str, bytes]:
        """Return code and payload."""
        with tempfile.TemporaryDirectory() as folder:
            received = Path(folder) / "received"
            with self.run(port, leaf, path, "-o", str(received)) as client:
                client.finish(SECONDS + 10)
                payload = received.read_bytes() if received.exists() else b""
                return last_code(client.lines), payload


def last_code(lines: list[str]) -> str:
    """The code of the last response in coap-client's log."""
    codes = [line.split(" c:")[1][:4] for line in lines if " c:2." in line or " c:4." in line]
    return codes[-1] if codes else "no response"


def openssl_server(psk: str) -> tuple[Process, int]:
    """Start `openssl s_server`, which says what it hears and sends what it is told."""
    port = free_port()
    command = [tool("openssl"), "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}"]
    server = Process([*command, "-psk", psk, "-nocert", "-cipher", CIPHER], listens=True)
    server.wait_for("ACCEPT")
    return server, port


def libcoap_server(build: str, leaf: Leaf, folder: Path) -> tuple[Process, int]:
    """Start coap-server for one identity; returns it and its DTLS port."""
    port = free_port(above=True)
    known = folder / f"identities-{build}"
    key = bytes.fromhex(leaf.psk)
    known.write_bytes(b"hint," + leaf.identity.encode() + b"," + key + b"\n")
    program = tool(f"coap-server-{build}")
    words = ["-A", "127.0.0.1", "-p", str(port), "-k", "another", "-h", "hint", "-i", str(known)]
    server = Process([program, "-v", "7", *words])
    server.wait_for("created DTLS endpoint")
    return server, port + 1


def our_client(port: int, leaf: Leaf, *actions: str) -> list[str]:
    """Let the MicroPython C open a session and do actions in it (nodes/dtls_client.py)."""
    command = [micropython(), str(NODES / "dtls_client.py"), str(port), leaf.identity, leaf.psk]
    with Process([*command, *actions]) as client:
        assert client.finish(SECONDS) == 0, client.output
        return client.lines


def settled(wanted, seconds: float = SECONDS) -> bool:
    """Wait until `wanted()` holds; False if it does not in time."""
    deadline = time.monotonic() + seconds
    while not wanted():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
