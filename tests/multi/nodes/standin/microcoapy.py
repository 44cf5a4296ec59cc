"""A stand-in for microCoAPy: as much of its client as an application uses over a custom socket.

It keeps the contract that firmware/leafcoapy states, and the library's habits that a socket has to
bear: a Uri-Host in each request, Content-Formats of two bytes, `getaddrinfo` before `sendto`, ten
options at most, nothing sent again, nothing compared with what was asked.
"""

import os
import socket
import time

CON, NON, ACK = 0, 1, 2
GET, POST, PUT = 1, 2, 3
URI_HOST, URI_PATH, CONTENT_FORMAT, URI_QUERY = 3, 11, 12, 15
BUFFER = 1024
OPTIONS = 10
NO_FORMAT = -1


class COAP_CONTENT_FORMAT:
    """Named as in the library."""

    COAP_NONE = NO_FORMAT
    COAP_TEXT_PLAIN = 0


class Packet:
    """What the callback gets; `method` holds the response code."""

    def __init__(self, data):
        self.type = data[0] >> 4 & 3
        self.method = data[1]
        self.messageid = data[2] << 8 | data[3]
        end = 4 + (data[0] & 15)
        self.token = data[4:end]
        self.options, self.payload = _read(data, end)


class Coap:
    """The client. Methods are spelled as in the library."""

    def __init__(self):
        self.debug = True
        self.sock = None
        self.responseCallback = None

    def setCustomSocket(self, custom):
        self.stop()
        self.sock = custom

    def stop(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def get(self, host, port, path, token=b""):
        return self._send(CON, GET, host, port, path, token, b"", None, NO_FORMAT)

    def getNonConf(self, host, port, path, token=b""):
        return self._send(NON, GET, host, port, path, token, b"", None, NO_FORMAT)

    def put(self, host, port, path, payload=b"", query=None, content_format=NO_FORMAT, token=b""):
        return self._send(CON, PUT, host, port, path, token, payload, query, content_format)

    def post(self, host, port, path, payload=b"", query=None, content_format=NO_FORMAT, token=b""):
        return self._send(CON, POST, host, port, path, token, payload, query, content_format)

    def loop(self, blocking=True):
        self.sock.setblocking(blocking)
        data, sender = self._read_socket()
        self.sock.setblocking(True)
        if data is None:
            return False
        packet = Packet(data)
        if packet.type == ACK and not packet.method:
            return False
        if self.responseCallback is not None:
            self.responseCallback(packet, sender)
        return True

    def poll(self, timeout=-1, period=500):
        start = time.ticks_ms()
        while not self.loop(False):
            if time.ticks_diff(time.ticks_ms(), start) >= timeout:
                return False
            time.sleep_ms(period)
        return True

    def _send(self, kind, code, host, port, path, token, payload, query, content_format):
        mid = os.urandom(2)
        datagram = bytearray((0x40 | kind << 4 | len(token), code)) + mid + token
        options = [(URI_HOST, host.encode())]
        options += [(URI_PATH, part.encode()) for part in path.split("/") if part]
        if content_format != NO_FORMAT:
            options.append((CONTENT_FORMAT, content_format.to_bytes(2, "big")))
        if query:
            options.append((URI_QUERY, query.encode()))
        _write(datagram, options)
        if payload:
            datagram += b"\xff" + (payload.encode() if isinstance(payload, str) else payload)
        try:
            address = socket.getaddrinfo(host, port)[0][-1]
        except OSError:
            address = (host, port)
        try:
            sent = self.sock.sendto(datagram, address)
        except Exception as error:
            print("Exception while sending packet...", error)
            return 0
        return int.from_bytes(mid, "big") if sent > 0 else 0

    def _read_socket(self):
        try:
            return self.sock.recvfrom(BUFFER)
        except Exception:
            return None, None


def _write(datagram, options):
    """Append options of up to 12 bytes, or of up to 268."""
    last = 0
    for number, value in options:
        size = len(value)
        datagram.append(number - last << 4 | min(size, 13))
        if size > 12:
            datagram.append(size - 13)
        datagram += value
        last = number


def _read(data, at):
    """(options, payload): all behind the tenth option is lost."""
    options, number = [], 0
    while at < len(data) and data[at] != 0xFF and len(options) < OPTIONS:
        fields = [data[at] >> 4, data[at] & 15]
        at += 1
        for i in (0, 1):
            if fields[i] == 13:
                fields[i], at = data[at] + 13, at + 1
            elif fields[i] == 14:
                fields[i], at = (data[at] << 8 | data[at + 1]) + 269, at + 2
        number += fields[0]
        options.append((number, data[at : at + fields[1]]))
        at += fields[1]
    return options, data[at + 1 :] if at < len(data) and data[at] == 0xFF else None
