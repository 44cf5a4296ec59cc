"""OSCORE_Input_Material, and the contexts that come of it (RFC 9203)."""

import cbor2

from tests.vectors.cases.ace_messages import MS
from tests.vectors.cases.common import secret
from tests.vectors.reference.ace import Exchange, canonical, client_context, derived_psk

EXCHANGE = Exchange(
    bytes.fromhex("018a278f7faab55a"),
    bytes.fromhex("1645"),
    bytes.fromhex("25a8991cd700ac01"),
    bytes.fromhex("0000"),
)
RFC_SALT = bytes.fromhex("f9af838368e353e78888e1426bd94e6f")
# Printed in section 4.3.
RFC_MASTER_SALT = "50f9af838368e353e78888e1426bd94e6f48018a278f7faab55a4825a8991cd700ac01"

# What others compute of the secret and the nonces in the RFC's examples.
RFC_MS = RFC_SALT
SALT = bytes.fromhex("a0a1a2a3a4a5a6a7")
SENDER_KEYS = {
    "no salt is an empty one": "8554dd374eb4cecca6e09e2d9ba84480",
    "a salt": "efb595bb721933068ccea6174cc72084",
}

MATERIALS = [
    ("with the nonces of RFC 9203", {0: b"\x01", 2: MS, 5: RFC_SALT}, EXCHANGE),
    ("no salt is an empty one", {0: b"\x01", 2: RFC_MS}, EXCHANGE),
    ("a salt", {0: b"\x01", 2: RFC_MS, 5: SALT}, EXCHANGE),
    ("an empty salt", {0: b"\x01", 2: MS, 5: b""}, EXCHANGE),
    ("everything", {0: b"", 1: 1, 2: secret("ms"), 3: 5, 4: 24, 5: b"salt", 6: b"house"}, EXCHANGE),
    (
        "algorithms by name",
        {0: b"\x02", 2: MS, 3: "HMAC 256/256", 4: "AES-CCM-16-64-128", 5: b"salt"},
        EXCHANGE,
    ),
    (
        "long and short",
        {0: secret("id") * 2, 2: secret("ms") * 2, 5: secret("salt") * 2},
        Exchange(b"", b"", secret("N2"), b"1234567"),
    ),
]

REFUSED = [
    ("an array", [1]),
    ("no id", {2: MS}),
    ("no ms", {0: b"\x01"}),
    ("a short ms", {0: b"\x01", 2: MS[1:]}),
    ("a long ms", {0: b"\x01", 2: bytes(65)}),
    ("ms in words", {0: b"\x01", 2: "secret"}),
    ("id of a number", {0: 1, 2: MS}),
    ("a long id", {0: bytes(65), 2: MS}),
    ("a long salt", {0: b"\x01", 2: MS, 5: bytes(65)}),
    ("salt null", {0: b"\x01", 2: MS, 5: None}),
    ("version 2", {0: b"\x01", 1: 2, 2: MS}),
    ("HKDF SHA-512", {0: b"\x01", 2: MS, 3: 7}),
    ("HKDF by its direct name", {0: b"\x01", 2: MS, 3: -10}),
    ("an HKDF that there is none of", {0: b"\x01", 2: MS, 3: "MD5"}),
    ("alg true", {0: b"\x01", 2: MS, 4: True}),
    ("an alg that there is none of", {0: b"\x01", 2: MS, 4: "ROT13"}),
    ("contextId in words", {0: b"\x01", 2: MS, 6: "house"}),
    ("a long contextId", {0: b"\x01", 2: MS, 6: bytes(65)}),
    ("of the group profile", {0: b"\x01", 2: MS, 7: b"\x01"}),
    ("what is not known", {0: b"\x01", 2: MS, 99: b""}),
    ("in words", {0: b"\x01", 2: MS, "alg": 10}),
]


def by_number(material: dict) -> dict:
    numbers = {"HMAC 256/256": 5, "AES-CCM-16-64-128": 10}
    return {
        label: numbers.get(value, value) if isinstance(value, str) else value
        for label, value in material.items()
    }


def contexts() -> list:
    cases = []
    for name, material, exchange in MATERIALS:
        client = client_context(by_number(material), exchange)
        cases.append(
            {
                "name": name,
                "material": cbor2.dumps(material).hex(),
                **{part: value.hex() for part, value in exchange._asdict().items()},
                "master_salt": client.master_salt.hex(),
                "client_sender_key": client.key(client.sender_id).hex(),
                "client_recipient_key": client.key(client.recipient_id).hex(),
                "common_iv": client.common_iv().hex(),
            }
        )
    assert cases[0]["master_salt"] == RFC_MASTER_SALT
    assert (
        SENDER_KEYS.items() <= {case["name"]: case["client_sender_key"] for case in cases}.items()
    )
    return cases


def refused() -> list:
    return [
        {"name": name, "material": cbor2.dumps(value).hex(), "expect": "DecodeError"}
        for name, value in REFUSED
    ]


def psk() -> list:
    """What RFC 9202 prints, and what it describes."""
    kid = bytes.fromhex("3d027833fc6267ce")
    identity = canonical({8: {1: {1: 4, 2: kid}}})
    assert identity.hex() == "a108a101a2010402483d027833fc6267ce"
    ikm, token = bytes(range(16)), bytes.fromhex("d83dd0")
    return [
        {"name": "psk_identity", "kid": kid.hex(), "output": identity.hex()},
        {
            "name": "derived PSK",
            "ikm": ikm.hex(),
            "access_token": token.hex(),
            "size": 16,
            "output": derived_psk(ikm, token, 16).hex(),
        },
    ]


FILES = {
    "context.json": ("Contexts after an exchange of nonces and IDs.", contexts),
    "failure_material.json": ("Input materials that are refused.", refused),
    "psk.json": ("Section 3.3 of RFC 9202.", psk),
}
