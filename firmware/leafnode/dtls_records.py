"""What a datagram of DTLS 1.2 must look like before Mbed TLS gets it (RFC 6347 section 4).

Mbed TLS would take everything, and for a handshake message allocate what its header claims.
"""

from leafkey.compat import const

CHANGE_CIPHER_SPEC = const(20)
ALERT = const(21)
HANDSHAKE = const(22)
APPLICATION_DATA = const(23)

# The longest handshake message taken, of which a PSK handshake needs 400 bytes or so.
MAX_HANDSHAKE = const(1024)

_HEADER = const(13)
_HANDSHAKE_HEADER = const(12)
_CLIENT_HELLO = const(1)
# DTLS 1.0 too: before the version is agreed on, it is what records say.
_VERSIONS = (b"\xfe\xfd", b"\xfe\xff")


def kinds_of(datagram: bytes) -> list:
    """Return [(content type, epoch)] of the records in a datagram; [] if it is not worth taking."""
    found = []
    at = 0
    while at < len(datagram):
        end = _end(datagram, at)
        if end > len(datagram):
            return []
        epoch = datagram[at + 3] << 8 | datagram[at + 4]
        if epoch == 0 and datagram[at] == HANDSHAKE and not _is_modest(datagram, at, end):
            return []
        found.append((datagram[at], epoch))
        at = end
    return found


def is_client_hello(datagram: bytes) -> bool:
    """Tell whether a datagram that is worth taking begins a handshake."""
    start = bytes((HANDSHAKE,)), b"\x00\x00", bytes((_CLIENT_HELLO,))
    return (datagram[:1], datagram[3:5], datagram[_HEADER : _HEADER + 1]) == start


def refusal() -> bytes:
    """Return a fatal alert in clear, decrypt_error (RFC 5246 section 7.2.2).

    Mbed TLS fails without a word when a key is wrong, and its peer would wait for the whole span
    of retransmissions. The sequence number is one that no handshake reaches.
    """
    return b"\x15\xfe\xfd\x00\x00\x00\x00\x00\x00\xff\xff\x00\x02\x02\x33"


def _end(datagram: bytes, at: int) -> int:
    """Return where the record at a place ends; past the datagram's end if it is none."""
    none = len(datagram) + 1
    if at + _HEADER > len(datagram) or not CHANGE_CIPHER_SPEC <= datagram[at] <= APPLICATION_DATA:
        return none
    if datagram[at + 1 : at + 3] not in _VERSIONS:
        return none
    return at + _HEADER + (datagram[at + 11] << 8 | datagram[at + 12])


def _is_modest(datagram: bytes, at: int, end: int) -> bool:
    """Check each handshake message in a record for the length that its header claims."""
    at += _HEADER
    while at < end:
        if at + _HANDSHAKE_HEADER > end or datagram[at + 1]:
            return False
        if datagram[at + 2] << 8 | datagram[at + 3] > MAX_HANDSHAKE:
            return False
        # What is here of it, from fragment_length.
        at += _HANDSHAKE_HEADER + (
            datagram[at + 9] << 16 | datagram[at + 10] << 8 | datagram[at + 11]
        )
    return at == end
