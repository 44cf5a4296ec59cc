"""The C of the DTLS interop tests: dtls_client.py PORT IDENTITY KEY [ACTION ..], the key in hex.

Opens one session and does in it, one after the other: a /path is a GET of it; anything else is
sent as it is, and what comes back is printed. Prints a line each, or what the handshake ended with.
"""

import asyncio
import os
import sys
from binascii import unhexlify

from leafkey.coap.endpoint import Endpoint
from leafkey.coap.message import Message
from leafkey.coap.numbers import GET, code_text
from leafkey.errors import LeafkeyError
from leafnode.dtls_connection import Connection
from leafnode.link import Link
from leafnode.udp import UdpSocket

HOST = "127.0.0.1"


async def get(link, connection, path):
    message = Message(GET)
    message.set_path(path)
    response = await link.request(message, connection.remote)
    return code_text(response.code) + " " + response.payload.decode().split("\n")[0]


async def say(connection, text):
    """No CoAP: read what comes before the link does."""
    connection.send(text.encode() + b"\n", connection.remote)
    received = connection.receive()
    while received is None:
        await connection.readable()
        received = connection.receive()
    return received[0].decode().strip()


async def main(port, identity, key, *actions):
    link = Link(Endpoint(os.urandom), UdpSocket(HOST))
    pump = asyncio.create_task(link.run())
    connection = Connection(UdpSocket(HOST), (HOST, int(port)), identity.encode(), unhexlify(key))
    link.attach(connection)
    try:
        await connection.opened()
        print("open")
        if actions and actions[0][0] != "/":
            link._attached[connection].cancel()
        for action in actions:
            path = action[0] == "/"
            print(await (get(link, connection, action) if path else say(connection, action)))
    except LeafkeyError as error:
        print(type(error).__name__)
    pump.cancel()
    await asyncio.sleep(0)


asyncio.run(main(*sys.argv[1:]))
