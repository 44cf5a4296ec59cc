"""The manager's one socket, which serves everybody: what becomes of one peer is not another's."""

import asyncio
import socket

import aiocoap
from aiocoap.transports.udp6 import UDP6EndpointAddress

from leafmanager.net import transport

ROUNDS = 20


class Echoing(asyncio.DatagramProtocol):
    """Counts what arrives."""

    def __init__(self) -> None:
        self.count = 0

    def datagram_received(self, data: bytes, addr: tuple) -> None:
        self.count += 1


def closed_port() -> int:
    """Return a port that refuses datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def message_to(context: aiocoap.Context, port: int) -> aiocoap.Message:
    """Return a message that nobody is to acknowledge."""
    interface = context.request_interfaces[0].token_interface.message_interface
    remote = UDP6EndpointAddress(("::ffff:127.0.0.1", port, 0, 0), interface)
    message = aiocoap.Message(code=aiocoap.CONTENT, _mid=1, _mtype=aiocoap.NON)
    message.remote = remote
    return message


def test_a_port_that_has_closed_costs_nobody_else_a_message():
    async def scenario() -> int:
        loop = asyncio.get_running_loop()
        context = await transport.listen("127.0.0.1", 0)
        where, present = await loop.create_datagram_endpoint(Echoing, ("127.0.0.1", 0))
        port = where.get_extra_info("sockname")[1]
        interface = context.request_interfaces[0].token_interface.message_interface
        try:
            for _ in range(ROUNDS):
                interface.send(message_to(context, closed_port()))
                # No turn of the loop in between: the kernel's word about the first is still due.
                interface.send(message_to(context, port))
            await asyncio.sleep(0.2)
            return present.count
        finally:
            where.close()
            await context.shutdown()

    assert asyncio.run(scenario()) == ROUNDS
