"""An AS and a client of ACE that share no code with Leafkey: aiocoap, cwt and cbor2."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import aiocoap
import cbor2
from aiocoap import oscore
from cwt import COSE, COSEKey

from tests.interop.peers import NODES
from tests.support.processes import Process, free_port, micropython

AUDIENCE = "thermo"
KEY = bytes(range(16))
SECRET = bytes(range(1, 17))
HOST = "127.0.0.1"
TIMEOUT = 30


class Authority(NamedTuple):
    """A running AS."""

    process: Process
    uri: str


def context_files(folder: Path, sender: bytes, recipient: bytes, secret: bytes, salt: bytes) -> str:
    """Write a security context for aiocoap; returns its directory."""
    settings = {
        "sender-id_hex": sender.hex(),
        "recipient-id_hex": recipient.hex(),
        "secret_hex": secret.hex(),
        "salt_hex": salt.hex(),
    }
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(settings))
    return str(folder)


def authority(folder: Path, lifetime: int = 3600) -> Authority:
    """Start the AS."""
    port = free_port()
    base = context_files(folder / "as", b"A", b"C", SECRET, b"")
    command = [sys.executable, str(NODES / "ace_as.py"), str(port), base, KEY.hex(), str(lifetime)]
    process = Process(command)
    process.wait_for("ready")
    return Authority(process, f"coap://{HOST}:{port}/token")


def resource_server(state: Path, uri: str, port: int | None = None) -> tuple[Process, int]:
    """Start the MicroPython RS; returns it and its port once it serves."""
    port = port or free_port()
    words = [str(port), str(state), uri, KEY.hex()]
    server = Process([micropython(), str(NODES / "ace_rs.py"), *words])
    server.wait_for("ready")
    return server, port


class Client:
    """The MicroPython C, told what to do line by line."""

    def __init__(self, state: Path, uri: str):
        words = [str(state), uri, SECRET.hex()]
        command = [micropython(), str(NODES / "ace_client.py"), *words]
        self.process = Process(command, listens=True)
        self.process.wait_for("ready")

    def does(self, line: str) -> str:
        """Return what came of it."""
        self.process.say(line)
        return self.process.wait_for("done", TIMEOUT).removeprefix("done ")


class Minted(NamedTuple):
    """A token, and the OSCORE_Input_Material behind it."""

    token: bytes
    material: dict


class Mint:
    """Makes tokens like the AS, and whatever an AS should not make."""

    def __init__(self) -> None:
        self._count = 0

    def make(self, key: bytes = KEY, kid: bytes = b"as-1", **changes) -> Minted:
        """Return a token whose claims are changed by name; None leaves one out."""
        self._count += 1
        material = {0: self._count.to_bytes(2, "big"), 2: os.urandom(16), 5: os.urandom(8)}
        claims = {
            "aud": AUDIENCE,
            "scope": cbor2.dumps([["/temp", 1]]),
            "cnf": {4: material},
            "exi": 3600,
            "cti": AUDIENCE.encode() + self._count.to_bytes(4, "big"),
            **changes,
        }
        labels = {"aud": 3, "exp": 4, "iat": 6, "cti": 7, "cnf": 8, "scope": 9, "cnonce": 39,
                  "exi": 40}  # fmt: skip
        encoded = {labels[name]: value for name, value in claims.items() if value is not None}
        return Minted(self.sealed(cbor2.dumps(encoded), key, kid), material)

    def sealed(self, text: bytes, key: bytes = KEY, kid: bytes = b"as-1") -> bytes:
        """Return text in a COSE_Encrypt0, as cwt writes it."""
        cose = COSE.new(alg_auto_inclusion=True, kid_auto_inclusion=True)
        shared = COSEKey.from_symmetric_key(key, alg="AES-CCM-16-64-128", kid=kid)
        return cose.encode_and_encrypt(text, shared)


class Visitor:
    """A client of aiocoap at one RS."""

    def __init__(self, port: int, folder: Path):
        self._base = f"coap://{HOST}:{port}"
        self._folder = folder
        self._security: oscore.FilesystemSecurityContext | None = None
        self.nonce1 = os.urandom(8)

    def post(self, payload: bytes, content_format: int = 19) -> aiocoap.Message:
        """Post to /authz-info without protection; come again as long as that is too often."""
        for _ in range(10):
            answer = self._exchange(aiocoap.POST, "/authz-info", payload, content_format, None)
            if str(answer.code) != "4.29 Too Many Requests":
                break
            time.sleep(answer.opt.max_age)
        return answer

    def present(self, minted: Minted) -> aiocoap.Message:
        """Post a token, and have a context under it if it is taken."""
        answer = self.post(cbor2.dumps({1: minted.token, 40: self.nonce1, 43: b"\x16\x45"}))
        if answer.code == aiocoap.CREATED:
            said = cbor2.loads(answer.payload)
            salt = b"".join(map(cbor2.dumps, (minted.material[5], self.nonce1, said[42])))
            place = self._folder / os.urandom(8).hex()
            base = context_files(place, said[44], b"\x16\x45", minted.material[2], salt)
            self._security = oscore.FilesystemSecurityContext(base)
        return answer

    def ask(self, method, path: str, payload: bytes = b"", content_format: int | None = None):
        """Make a request in the context; returns (code, payload)."""
        answer = self._exchange(method, path, payload, content_format, self._security)
        return str(answer.code), answer.payload

    def ask_openly(self, method, path: str) -> aiocoap.Message:
        """Make a request without protection."""
        return self._exchange(method, path, b"", None, None)

    def _exchange(self, code, path, payload, content_format, security) -> aiocoap.Message:
        async def exchange():
            context = await aiocoap.Context.create_client_context()
            if security is not None:
                context.client_credentials[self._base + "/*"] = security
            message = aiocoap.Message(code=code, uri=self._base + path, payload=payload)
            message.opt.content_format = content_format
            try:
                return await asyncio.wait_for(context.request(message).response, TIMEOUT)
            finally:
                await context.shutdown()

        return asyncio.run(exchange())
