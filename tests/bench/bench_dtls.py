"""Measures DTLS sessions of a node: one JSON object a line, on MicroPython's unix port.

`micropython -X heapsize=16m tests/bench/bench_dtls.py`, with the sources on the path. Mbed TLS
allocates outside of the heap there, and inside on boards without an operating system: both count.
"""

import gc
import json
import time

from leafkey.coap.message import Message, encode
from leafkey.coap.numbers import CON, CONTENT, GET
from leafnode.clock import now_ms
from leafnode.dtls import client_context, server_context
from leafnode.dtls_listener import DtlsListener
from leafnode.dtls_records import kinds_of
from leafnode.dtls_session import Session
from leafnode.server import Server
from leafnode.udp import UdpSocket

SESSIONS = 200
HANDSHAKES = 100
REQUESTS = 500
IDENTITY = b"0123456789abcdef0123456789abcdef"
KEY = bytes(32)
KIB = 1024
HOST = "127.0.0.1"
# Holds no identity.
NOWHERE = "no-such-directory"


class Keys:
    """One key for all."""

    def get(self, identity):
        return KEY


def outside() -> int:
    """Bytes of data outside of MicroPython's heap, which has one size."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmData:"):
                return int(line.split()[1]) * KIB
    raise OSError("no VmData")


def passed(sender: Session, receiver: Session) -> int:
    """Bring all that one side has to send to the other; return its bytes."""
    datagrams = sender.take()
    for datagram in datagrams:
        try:
            receiver.receive(datagram, kinds_of(datagram), now_ms())
        except OSError:
            # A server that has a HelloVerifyRequest to send.
            continue
    return sum([len(datagram) for datagram in datagrams])


def half_open(context) -> tuple:
    """(client, server, bytes so far), where the client has the server's first flight."""
    client = Session(client_context(IDENTITY, KEY), now_ms())
    client.receive(None, [], now_ms())
    count = 0
    for _ in range(2):
        # The second ClientHello has the cookie.
        server = Session(context, now_ms(), server_side=True, client_id=b"bench")
        count += passed(client, server)
        count += passed(server, client)
    return client, server, count


def opened(context) -> tuple:
    """(client, server, bytes of the handshake)."""
    client, server, count = half_open(context)
    while not (client.is_open and server.is_open):
        count += passed(server, client) + passed(client, server)
    return client, server, count


def kept(make, sessions: list) -> tuple:
    """(bytes of MicroPython's heap, bytes outside) of one server session that `make` returns.

    All stay in `sessions`, lest their memory is used a second time.
    """
    for _ in range(SESSIONS // 10):
        sessions.append(make())
    gc.collect()
    inside, out = gc.mem_alloc(), outside()
    for _ in range(SESSIONS):
        sessions.append(make())
    gc.collect()
    sizes = gc.mem_alloc() - inside, outside() - out
    return sizes[0] // SESSIONS, sizes[1] // SESSIONS


def server_side(make):
    """What `make` makes, without the client, whose memory is free again."""

    def one():
        client, server, _ = make()
        client.close()
        return server

    return one


def median(values: list) -> float:
    return sorted(values)[len(values) // 2]


def elapsed(work) -> float:
    """Microseconds that `work` takes."""
    start = time.ticks_us()
    work()
    return time.ticks_diff(time.ticks_us(), start)


def exchange(client: Session, server: Session, sizes: dict):
    for name, sender, receiver, message in sizes["messages"]:
        sender.seal(encode(message))
        sizes[name] = passed(sender, receiver) - len(encode(message))


def say(name: str, **fields):
    fields["name"] = name
    print(json.dumps(fields))


def log(text):
    """What a server without identity says is no figure."""


def main():
    gc.collect()
    before = gc.mem_alloc()
    server = Server(NOWHERE, HOST, 0, log)
    listener = DtlsListener(UdpSocket(HOST), None, bytes, log)
    gc.collect()
    say("server", inside=gc.mem_alloc() - before)
    listener.close()
    server.link._socket.close()
    context = server_context(Keys())
    sessions = []
    for name, make in (("half_open", half_open), ("open", opened)):
        inside, out = kept(server_side(lambda make=make: make(context)), sessions)
        say("session_" + name, inside=inside, outside=out)
    say("handshake", us=median([elapsed(lambda: opened(context)) for _ in range(HANDSHAKES)]))
    client, server, size = opened(context)
    say("handshake_bytes", bytes=size)
    request = Message(GET, (), b"", CON, 1, b"12345678")
    request.set_path("/temp")
    answer = Message(CONTENT, (), b"21.5", CON, 1, b"12345678")
    sizes = {}
    sizes["messages"] = (("request", client, server, request), ("response", server, client, answer))
    times = [elapsed(lambda: exchange(client, server, sizes)) for _ in range(REQUESTS)]
    say("exchange", us=median(times), request=sizes["request"], response=sizes["response"])


main()
