"""What DTLS sessions cost a server, and how many of them a board's heap holds."""

from leafnode.dtls_listener import MAX_HALF_OPEN, MAX_SESSIONS
from tests.bench.report import Record
from tests.bench.scripts import lines

HEAP = 192 * 1024
# Beside those it keeps, the one that a ClientHello needs until it has shown a cookie.
NEEDED = MAX_SESSIONS + MAX_HALF_OPEN + 1
# draft-ietf-iotops-security-protocol-comparison: a record with AES-CCM-8.
CCM8_RECORD = 29


def records() -> list[Record]:
    """Return the figures on MicroPython, whose objects take twice a board's bytes here."""
    found = {line.pop("name"): line for line in lines("bench_dtls.py", "-X", "heapsize=16m")}
    sizes = {kind: sum(found[f"session_{kind}"].values()) for kind in ("half_open", "open")}
    most = max(sizes.values())
    fitting = (HEAP - found["server"]["inside"]) // most
    exchange = found["exchange"]
    return [
        Record("dtls_half_open_bytes", sizes["half_open"], "B"),
        Record("dtls_session_bytes", sizes["open"], "B"),
        Record("dtls_sessions_in_192k", fitting, "", "sessions kept", NEEDED),
        Record("dtls_handshake_bytes", found["handshake_bytes"]["bytes"], "B"),
        Record("dtls_handshake_time", found["handshake"]["us"], "us"),
        Record("dtls_record_bytes", exchange["request"], "B", "AES-CCM-8", CCM8_RECORD),
        Record("dtls_exchange_time", exchange["us"], "us"),
    ]
