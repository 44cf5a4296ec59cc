"""Bytes on the wire that authorization adds to a GET and its answer, beside DTLS and OSCORE."""

from leafkey.pat.tokens import LEVELS
from tests.bench.load import Volley
from tests.bench.rates import OPEN
from tests.bench.report import Record

# Bytes a message: DTLS 1.2 with AES-CCM-8, OSCORE with a sequence number of one byte, as in
# draft-ietf-iotops-security-protocol-comparison.
DTLS_RECORD = 29
OSCORE = {"request": 13, "response": 11}


def records(volleys: dict[str, Volley]) -> list[Record]:
    """Return the figures of each level, from the messages that were sent."""
    made = []
    for level in LEVELS:
        for direction, size in _added(volleys, level).items():
            name = f"{level}_{direction}_bytes"
            made.append(Record(name, size, "B", "DTLS 1.2 PSK record", DTLS_RECORD))
    added = _added(volleys, "confidential")
    for direction, size in added.items():
        name = f"confidential_{direction}_bytes_vs_oscore"
        made.append(Record(name, size, "B", f"OSCORE {direction}", OSCORE[direction]))
    return made


def _added(volleys: dict[str, Volley], level: str) -> dict[str, int]:
    """The paths of both resources are of one length, so what differs is authorization."""
    plain, protected = volleys[OPEN], volleys[level]
    return {
        "request": round(protected.request_bytes - plain.request_bytes),
        "response": round(protected.response_bytes - plain.response_bytes),
    }
