"""microCoAPy's server, for comparison: one open resource with the answer that ours gives.

Usage: microcoapy_server.py CHECKOUT PORT. Its own `start` does not know the addresses of the unix
port, so it gets a socket that does.
"""

import socket
import sys

sys.path.insert(0, sys.argv[1])
import microcoapy


class Socket:
    """A UDP socket whose addresses are (host, port): microCoAPy takes them apart."""

    def __init__(self, port):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(socket.getaddrinfo("127.0.0.1", port)[0][-1])
        self.setblocking = self._socket.setblocking
        self.sendto = self._socket.sendto
        self.close = self._socket.close
        self._peers = {}

    def recvfrom(self, size):
        """Convert the address once for each peer: the peer's figure must not suffer by this."""
        data, address = self._socket.recvfrom(size)
        peer = self._peers.get(address)
        if peer is None:
            _, host, port = socket.sockaddr(address)
            peer = self._peers[address] = (socket.inet_ntop(socket.AF_INET, host), port)
        return data, peer

    def isUnixCompatible(self):
        """Older versions ask."""
        return True


CONTENT = microcoapy.COAP_RESPONSE_CODE.COAP_CONTENT
TEXT = microcoapy.COAP_CONTENT_FORMAT.COAP_TEXT_PLAIN
coap = microcoapy.Coap()
coap.debug = False


def temp(request, host, port):
    """Answer 2.05 with a text, and say that it is one."""
    coap.sendResponse(host, port, request.messageid, "21.5", CONTENT, TEXT, request.token)


coap.setCustomSocket(Socket(int(sys.argv[2])))
coap.addIncomingRequestCallback("temp", temp)
print("ready")
while True:
    coap.loop(True)
