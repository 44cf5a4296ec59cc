"""libcoap's client makes its contexts anew (RFC 8613 appendix B.2) with the core's Association."""

import asyncio
import os

from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT
from leafkey.crypto.provider import default_provider
from leafkey.errors import Refused
from leafkey.oscore.association import Association
from leafkey.oscore.material import Material
from leafkey.oscore.recipients import Recipients
from tests.interop.oscore_peers import LibcoapOscoreClient, Shared
from tests.interop.responder import Responder

SHARED = Shared(secret=bytes(range(32)), salt=b"", renews=True)
# Each of libcoap's processes begins with a new R1.
PROCESSES = 4


class Server:
    """Knows one peer."""

    def __init__(self):
        self.id_contexts: list[bytes | None] = []
        self.restart()

    def restart(self) -> None:
        """Forget all that was ever received."""
        material = Material(SHARED.alg, SHARED.secret, SHARED.server_id, SHARED.client_id)
        self._recipients = Recipients()
        end = Association(default_provider(), os.urandom, material, asyncio.Lock())
        self._recipients.add(end)

    def answer(self, request: Message) -> Message:
        """Answer in the context that the request came in."""
        try:
            _, incoming = self._recipients.unprotect(request)
        except Refused as refused:
            return refused.response
        self.id_contexts.append(incoming.context.keys.id_context)
        return incoming.protect(Message(CONTENT, (), b"hello"))


def test_each_process_gets_a_context_of_its_own(tmp_path):
    server = Server()
    client = LibcoapOscoreClient(SHARED, tmp_path)
    with Responder(server.answer) as responder:
        uri = f"coap://127.0.0.1:{responder.port}/hello"
        for _ in range(PROCESSES):
            assert client.get(uri) == ("2.05", b"hello")
    assert len(set(server.id_contexts)) == PROCESSES


def test_a_server_that_was_restarted(tmp_path):
    server = Server()
    client = LibcoapOscoreClient(SHARED, tmp_path)
    with Responder(server.answer) as responder:
        uri = f"coap://127.0.0.1:{responder.port}/hello"
        for _ in range(PROCESSES):
            assert client.get(uri) == ("2.05", b"hello")
            server.restart()


def test_another_secret(tmp_path):
    client = LibcoapOscoreClient(SHARED._replace(secret=bytes(32)), tmp_path)
    with Responder(Server().answer) as responder:
        assert client.get(f"coap://127.0.0.1:{responder.port}/hello")[0] == "4.00"
