"""One DTLS session of either role: datagrams go in, application data and datagrams come out."""

import io

from leafkey.coap.parameters import MAX_DATAGRAM
from leafkey.compat import const
from leafnode.dtls_records import CHANGE_CIPHER_SPEC, HANDSHAKE, kinds_of

# Mbed TLS sends a flight again after 1, 2 and 4 s (RFC 6347 section 4.2.4.1), if it is asked then;
# after 8 more a handshake has failed. All in ms.
FIRST_TIMEOUT = const(1000)
HANDSHAKE_MS = const(15000)
# When to ask again if that was a little early.
_EARLY = const(50)


class Wire(io.IOBase):
    """What Mbed TLS takes for its socket. `arrived` is the next datagram; `sent` what it sent."""

    def __init__(self):
        self.arrived: bytes | None = None
        self.sent = []

    def readinto(self, buffer) -> int | None:
        """Give the datagram; None, which means "not now", if there is none."""
        datagram = self.arrived
        if datagram is None:
            return None
        self.arrived = None
        size = min(len(datagram), len(buffer))
        buffer[:size] = datagram[:size]
        return size

    def write(self, data) -> int:
        """Take a datagram; the buffer is the caller's."""
        self.sent.append(bytes(data))
        return len(data)

    def ioctl(self, request: int, argument: int) -> int:
        """Be closed, and nothing else."""
        return 0


class Session:
    """Each `now` is in ms. What Mbed TLS raises is an OSError, and ends the session."""

    def __init__(self, context, now: int, **role):
        """`context` is one of leafnode.dtls; `role`: what wrap_socket wants of this role.

        OSError or MemoryError if there is no room.
        """
        self._wire = Wire()
        self._tls = context.wrap_socket(self._wire, do_handshake_on_connect=False, **role)
        self._is_server = role.get("server_side", False)
        # Until a flight is repeated, half of the first time.
        self._interval = FIRST_TIMEOUT // 2
        self._seen = set()
        # The peer of a server's has proved that it has the key. A client sees no more than that the
        # server's last flight came: what it sends before that was good is lost, and so repeated.
        self.is_open = False
        # The peer has said that it is done.
        self.is_closed = False
        self.due = now
        self.fails_at = now + HANDSHAKE_MS

    def receive(self, datagram: bytes | None, kinds: list, now: int) -> list:
        """Take a datagram of these dtls_records.kinds_of; None: see what is due. Return [data].

        Only an open session returns data.
        """
        self._wire.arrived = datagram
        found = []
        data = self._tls.recv(MAX_DATAGRAM)
        while data:
            found.append(data)
            data = self._tls.recv(MAX_DATAGRAM)
        # b"" is a close_notify; None, that there is no more.
        self.is_closed = data is not None
        if not self.is_open:
            self._progress(datagram, kinds, now)
        return found

    def seal(self, data: bytes):
        """Make a record of data, to be sent; it is lost if the session is not open."""
        self._tls.write(data)

    def has_answer(self) -> bool:
        """Tell whether there is something to be sent."""
        return bool(self._wire.sent)

    def take(self) -> list:
        """Return the datagrams to be sent, once."""
        sent = self._wire.sent
        self._wire.sent = []
        return sent

    def close(self):
        """Free the memory. MicroPython's `tls` sends no close_notify."""
        self._tls.close()

    def _progress(self, datagram: bytes | None, kinds: list, now: int):
        sent = self._wire.sent
        if self._is_server:
            # It sends its ChangeCipherSpec after it has verified the client's Finished.
            kinds = [kind for data in sent for kind in kinds_of(data)]
            self.is_open = (CHANGE_CIPHER_SPEC, 0) in kinds
        else:
            self._seen.update(kinds)
            finished = {(CHANGE_CIPHER_SPEC, 0), (HANDSHAKE, 1)}
            self.is_open = finished <= self._seen
        if sent:
            self._interval = FIRST_TIMEOUT if datagram else 2 * self._interval
            self.due = now + self._interval
        elif self.due <= now:
            self.due = now + _EARLY
