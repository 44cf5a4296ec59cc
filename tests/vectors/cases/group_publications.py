"""Publications (SPEC-GROUP section 4), good ones and what must be refused."""

from tests.vectors.cases.common import flip, secret
from tests.vectors.cases.group_common import ALGS, LONGEST, SENDER, SIGNER, group_key, key_fields
from tests.vectors.reference.group import GroupKey, Signer, dumps, publication

TEXT = b"21.5"
# The checked value of the pub/sub draft's countersigned form, whose key is counted up.
COUNTED = GroupKey(10, b"\x0a\x0b", bytes(range(0x20, 0x2D)), bytes(range(16)))
COUNTED_NONCE = "212122232425260228292a2b29"
COUNTED_CIPHERTEXT = "5275e744617306c06a0e182b"
COUNTED_SIGNED = "8570436f756e7465725369676e617475726543a1010a43a10127404c5275e744617306c06a0e182b"


def case(name: str, key: GroupKey, sender: bytes, number: int, payload: bytes, signer=None) -> dict:
    fields = {"name": name, **key_fields(key), "sender": sender.hex(), "number": number}
    if signer is not None:
        fields |= {"secret": signer.secret.hex(), "public": signer.public().hex()}
        fields["sign_alg"] = signer.alg
    made = publication(key, sender, number, payload, signer)
    return {**fields, "payload": payload.hex(), **made}


def publications() -> list:
    counted = case("counted key of the pub/sub draft's checked values", COUNTED, SENDER, 5, TEXT)
    if (counted["nonce"], counted["ciphertext"]) != (COUNTED_NONCE, COUNTED_CIPHERTEXT):
        raise SystemExit("differs from the checked values")
    cases = [counted]
    for alg, name in ALGS.items():
        key = group_key(alg)
        for kind, sender, number, payload in (
            ("number 0", SENDER, 0, TEXT),
            ("number of two bytes", SENDER, 256, TEXT),
            ("the last number", SENDER, (1 << 40) - 1, TEXT),
            ("empty Sender ID", b"", 1, TEXT),
            ("longest Sender ID", LONGEST[alg], 1, TEXT),
            ("empty payload", SENDER, 2, b""),
            ("long payload", SENDER, 3, secret("payload") * 8),
        ):
            cases.append(case(f"{name}, {kind}", key, sender, number, payload))
    return cases


def signed() -> list:
    counted = case("counted key", COUNTED, SENDER, 5, TEXT, SIGNER)
    if counted["signed"] != COUNTED_SIGNED:
        raise SystemExit("differs from the checked value")
    cases = [counted]
    for alg, name in ALGS.items():
        key = group_key(alg)
        cases.append(case(f"{name}, EdDSA", key, SENDER, 0, TEXT, SIGNER))
        cases.append(case(f"{name}, Ed25519", key, SENDER, 1, TEXT, Signer(SIGNER.secret, -19)))
        cases.append(case(f"{name}, longest Sender ID", key, LONGEST[alg], 1 << 39, b"", SIGNER))
    return cases


def shape(alg: int, signer: Signer | None) -> list:
    """A publication in its parts: protected, unprotected, ciphertext."""
    key = group_key(alg)
    made = publication(key, SENDER, 5, TEXT, signer)
    piv, ciphertext = bytes.fromhex(made["piv"]), bytes.fromhex(made["ciphertext"])
    unprotected: dict = {4: SENDER, 6: piv, 10: key.gid}
    if signer is not None:
        header = dumps({1: signer.alg})
        signature = bytes.fromhex(made["signature"])
        unprotected = {4: key.gid, 6: piv, 11: [header, {4: SENDER}, signature]}
    return [dumps({1: alg}), unprotected, ciphertext]


def failure(name: str, expect: str, alg: int, message, is_signed: bool = False) -> dict:
    fields = {"name": f"{ALGS[alg]}, {name}", "expect": expect, **key_fields(group_key(alg))}
    fields |= {"sender": SENDER.hex(), "public": SIGNER.public().hex() if is_signed else None}
    encoded = message if isinstance(message, bytes) else dumps(message)
    return {**fields, "payload": TEXT.hex(), "message": encoded.hex()}


def failures(algs: tuple) -> list:
    cases = []
    for alg in algs:
        protected, headers, text = shape(alg, None)
        _, signed_headers, _ = shape(alg, SIGNER)

        def with_headers(changes, left_out=(), headers=headers, protected=protected, text=text):
            kept = {label: value for label, value in headers.items() if label not in left_out}
            return [protected, {**kept, **changes}, text]

        refused, malformed = "AuthenticationError", "DecodeError"
        for name, expect, message in (
            ("as it is", "accepted", with_headers({})),
            (
                "headers in another order",
                "accepted",
                [protected, dict(reversed(headers.items())), text],
            ),
            ("a header that is unknown", "accepted", with_headers({99: 1})),
            ("ciphertext flipped", refused, [protected, headers, flip(text, 0)]),
            ("tag flipped", refused, [protected, headers, flip(text)]),
            ("tag alone", refused, [protected, headers, text[4:]]),
            ("no ciphertext", refused, [protected, headers, b""]),
            ("another number", refused, with_headers({6: b"\x06"})),
            ("another sender", refused, with_headers({4: b"\x26"})),
            ("no number", malformed, with_headers({}, (6,))),
            ("empty number", malformed, with_headers({6: b""})),
            ("number with a leading zero", malformed, with_headers({6: b"\x00\x05"})),
            ("number of six bytes", malformed, with_headers({6: b"\x01" + bytes(5)})),
            ("number as an integer", malformed, with_headers({6: 5})),
            ("no sender", malformed, with_headers({}, (4,))),
            ("Sender ID of 8 bytes", malformed, with_headers({4: bytes(8)})),
            ("no Gid", malformed, with_headers({}, (10,))),
            ("Gid of 33 bytes", malformed, with_headers({10: bytes(33)})),
            ("algorithm in the open", malformed, [b"", {1: alg, **headers}, text]),
            ("another algorithm", refused, [dumps({1: 34 - alg}), headers, text]),
            ("more that is protected", malformed, [dumps({1: alg, 3: 0}), headers, text]),
            ("nothing protected", malformed, [b"", headers, text]),
            ("Gid and countersignature", malformed, with_headers({11: signed_headers[11]})),
            ("signed, in a group without", malformed, shape(alg, SIGNER)),
            ("no array", malformed, headers),
            ("bytes behind", malformed, dumps(with_headers({})) + b"\0"),
            ("nothing", malformed, b""),
        ):
            cases.append(failure(name, expect, alg, message))
    return cases


def signed_failures(algs: tuple) -> list:
    cases = []
    for alg in algs:
        protected, headers, text = shape(alg, SIGNER)
        header, unprotected, signature = headers[11]

        def countersigned(value, protected=protected, headers=headers, text=text):
            return [protected, {**headers, 11: value}, text]

        other = Signer(secret("another signer"))
        refused, malformed = "AuthenticationError", "DecodeError"
        for name, expect, message in (
            ("as it is", "accepted", countersigned([header, unprotected, signature])),
            ("unsigned, in a signed group", malformed, shape(alg, None)),
            ("signature flipped", refused, countersigned([header, unprotected, flip(signature)])),
            ("no signature", refused, countersigned([header, unprotected, b""])),
            ("signature cut", refused, countersigned([header, unprotected, signature[:-1]])),
            ("another's signature", refused, shape(alg, other)),
            ("another sender", refused, countersigned([header, {4: b"\x26"}, signature])),
            ("a sender nobody knows", refused, countersigned([header, {4: b""}, signature])),
            ("no sender", malformed, countersigned([header, {}, signature])),
            ("another algorithm", refused, shape(alg, Signer(SIGNER.secret, -19))),
            (
                "an unknown algorithm",
                refused,
                countersigned([dumps({1: -7}), unprotected, signature]),
            ),
            ("no algorithm", malformed, countersigned([b"", unprotected, signature])),
            (
                "algorithm in the open",
                malformed,
                countersigned([b"", {1: -8, 4: SENDER}, signature]),
            ),
            (
                "more that is protected",
                malformed,
                countersigned([dumps({1: -8, 3: 0}), unprotected, signature]),
            ),
            (
                "two countersignatures",
                malformed,
                countersigned([[header, unprotected, signature]] * 2),
            ),
            ("one in a list", malformed, countersigned([[header, unprotected, signature]])),
            ("two parts", malformed, countersigned([header, signature])),
            ("a byte string", malformed, countersigned(signature)),
            ("null", malformed, countersigned(None)),
            ("ciphertext flipped", refused, [protected, headers, flip(text, 0)]),
        ):
            cases.append(failure(name, expect, alg, message, True))
    return cases


def window() -> list:
    """Each number once, in a window of 32, for each sender."""
    numbers = (
        (0, True), (0, False), (5, True), (3, True), (3, False), (36, True), (5, False), (4, False),
        (6, True), (37, True), (100, True), (68, False), (69, True), (69, False), (100, False),
    )  # fmt: skip
    key = group_key(10)
    steps = []
    for sender in (b"\x01", b"\x02"):
        for number, is_new in numbers:
            message = publication(key, sender, number, TEXT)["message"]
            steps.append({"message": message, "expect": "accepted" if is_new else "ReplayError"})
    return [{"name": "two senders", **key_fields(key), "steps": steps}]


UNSIGNED = "What a member takes and refuses, without signatures."
SIGNED = "What a member of a signed group takes and refuses."
FILES = {
    "publication.json": ("Publications in groups without signatures (section 4.2).", publications),
    "publication_signed.json": ("Publications in signed groups (section 4.1).", signed),
    "publication_failure_10.json": (UNSIGNED, lambda: failures((10,))),
    "publication_failure_24.json": (UNSIGNED, lambda: failures((24,))),
    "publication_signed_failure_10.json": (SIGNED, lambda: signed_failures((10,))),
    "publication_signed_failure_24.json": (SIGNED, lambda: signed_failures((24,))),
    "publication_window.json": ("Which numbers are taken (section 4.3).", window),
}
