"""What OSCORE messages are made of: keys, nonces, the value of the option."""

from tests.vectors.cases.common import secret
from tests.vectors.cases.oscore_common import (
    ID_CONTEXT,
    client,
    context_fields,
    hexed,
)
from tests.vectors.cases.oscore_rfc import derived_fields
from tests.vectors.reference import oscore
from tests.vectors.reference.oscore import AES_CCM, CHACHA20_POLY1305

ALGS = {AES_CCM: "AES-CCM", CHACHA20_POLY1305: "ChaCha20/Poly1305"}
LONGEST_ID = {AES_CCM: bytes(range(0xA1, 0xA8)), CHACHA20_POLY1305: bytes(range(0xA1, 0xA7))}
# RFC 9203 section 4.3: the salt, N1 and N2, each a CBOR byte string.
ACE_SALT = bytes.fromhex("50f9af838368e353e78888e1426bd94e6f48018a278f7faab55a4825a8991cd700ac01")


def derivation() -> list:
    cases = []
    for alg, name in ALGS.items():
        longest = LONGEST_ID[alg]
        for kind, context in (
            ("plain", client(alg)),
            ("no Master Salt", client(alg, master_salt=b"")),
            ("empty Sender ID", client(alg, sender_id=b"")),
            ("longest IDs", client(alg, sender_id=longest, recipient_id=longest[:-1])),
            ("ID Context", client(alg, ID_CONTEXT)),
            ("empty ID Context", client(alg, b"")),
            ("ID Context of 24 bytes", client(alg, secret("long ID Context")[:24])),
            ("Master Secret of 32 bytes", client(alg, master_secret=secret("long Master Secret"))),
            ("Master Salt as in RFC 9203", client(alg, master_salt=ACE_SALT)),
        ):
            case = {"name": f"{name}, {kind}", "context": context_fields(context)}
            cases.append({**case, "derived": derived_fields(context)})
    return cases


def derivation_failure() -> list:
    long, short = LONGEST_ID[AES_CCM] + b"\xff", LONGEST_ID[CHACHA20_POLY1305] + b"\xff"
    return [
        {"name": name, "context": context_fields(context), "expect": "refused"}
        for name, context in (
            ("Sender ID of 8 bytes, AES-CCM", client(sender_id=long)),
            ("Recipient ID of 8 bytes, AES-CCM", client(recipient_id=long)),
            ("Sender ID of 7 bytes, ChaCha20", client(CHACHA20_POLY1305, sender_id=short)),
            ("one ID for both", client(sender_id=b"\x01", recipient_id=b"\x01")),
            ("no such algorithm", client()._replace(alg=3)),
        )
    ]


def nonce() -> list:
    cases = []
    for alg, name in ALGS.items():
        context = client(alg)
        longest = LONGEST_ID[alg]
        for identifier in (b"", b"\0", b"\x02", longest[:3], longest):
            for piv in (b"\0", b"\xff", b"\x01\0", b"\x01\0\0", b"\x01\0\0\0", b"\xff" * 5):
                cases.append(
                    {
                        "name": f"{name}, {identifier.hex() or 'empty'}, {piv.hex()}",
                        "common_iv": context.common_iv().hex(),
                        "id": identifier.hex(),
                        "piv": piv.hex(),
                        "nonce": context.nonce(identifier, piv).hex(),
                    }
                )
    return cases


# Name, Partial IV, kid context, kid, the bytes that section 6.3 prints.
OPTIONS: tuple[tuple, ...] = (
    ("RFC 8613 6.3 example 1", b"\x05", None, b"\x25", "090525"),
    ("RFC 8613 6.3 example 2", b"\0", None, b"", "0900"),
    ("RFC 8613 6.3 example 3", b"\x05", b"Dalek", b"", "19050544616c656b"),
    ("RFC 8613 6.3 example 4", b"", None, None, ""),
    ("RFC 8613 6.3 example 5", b"\x07", None, None, "0107"),
    ("Partial IV of 2 bytes", b"\x01\0", None, b"\x01", None),
    ("Partial IV of 3 bytes", b"\x01\0\0", None, b"\x01", None),
    ("Partial IV of 4 bytes", b"\x01\0\0\0", None, b"\x01", None),
    ("Partial IV of 5 bytes", b"\x01\0\0\0\0", None, b"\x01", None),
    ("the last Partial IV", b"\xff" * 5, None, b"\x01", None),
    ("kid of zeros", b"\0", None, b"\0\0", None),
    ("longest kid", b"\0", None, LONGEST_ID[AES_CCM], None),
    ("kid alone", b"", None, b"\x01", None),
    ("empty kid alone", b"", None, b"", None),
    ("empty kid context", b"\0", b"", b"\x01", None),
    ("kid context alone", b"", ID_CONTEXT, None, None),
    ("kid context and Partial IV", b"\x07", ID_CONTEXT, None, None),
    ("kid context and empty kid", b"", ID_CONTEXT, b"", None),
    ("all at their longest", b"\xff" * 5, b"\xcc" * 241, LONGEST_ID[AES_CCM], None),
)
MALFORMED = (
    ("flag byte of zero", "00"),
    ("flag byte of zero, more behind it", "0001"),
    ("first flag bit", "890001"),
    ("second flag bit", "490001"),
    ("third flag bit, of groups", "290001"),
    ("flag bits alone", "e0"),
    ("Partial IV of 6 bytes", "0e01000000000001"),
    ("Partial IV of 7 bytes", "0f0100000000000001"),
    ("Partial IV missing", "01"),
    ("Partial IV missing before a kid", "09"),
    ("Partial IV cut", "05ffffffff"),
    ("leading zero", "0a000501"),
    ("zero in two bytes", "0a000001"),
    ("leading zero of five bytes", "0d0000000001"),
    ("leading zero in a response", "020005"),
    ("length of the kid context missing", "10"),
    ("length of the kid context missing behind a Partial IV", "1105"),
    ("kid context cut", "1902" + "02aa"),
    ("kid context missing", "190008"),
    ("bytes behind a Partial IV", "0105ff"),
    ("bytes behind a kid context", "1101" + "02aabb" + "ff"),
)


def option() -> list:
    cases = []
    for name, piv, kid_context, kid, printed in OPTIONS:
        encoded = oscore.encode_option(piv, kid_context, kid).hex()
        if printed not in (None, encoded):
            raise SystemExit(f"{name}: differs from the RFC: {encoded}")
        fields = {"piv": piv.hex() or None, "kid_context": hexed(kid_context), "kid": hexed(kid)}
        cases.append({"name": name, **fields, "encoded": encoded})
    return cases


def option_failure() -> list:
    return [
        {"name": name, "encoded": encoded, "expect": "DecodeError"} for name, encoded in MALFORMED
    ]


FILES = {
    "derivation.json": ("Sections 3.2.1 and 5.2, as appendix C.1 to C.3.", derivation),
    "derivation_failure.json": ("No such context may be made.", derivation_failure),
    "nonce.json": ("Section 5.2.", nonce),
    "option.json": ("The value of the OSCORE option (section 6.1).", option),
    "option_failure.json": ("Values that are no OSCORE option.", option_failure),
}
