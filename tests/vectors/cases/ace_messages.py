"""Maps of ACE as peers write them, and what is to be read in them."""

import cbor2

from tests.vectors.cases.common import secret
from tests.vectors.reference.ace import canonical

AIF = cbor2.dumps([["/temp", 1], ["/vent", 5]])
MS = secret("ms")[:16]
TOKEN = secret("access token")
UNKNOWN = {-70000: {1: 2}, "text": [None, True, 1.5], 99: b"x"}

# By kind: name, what is known of it, what a peer may add that is passed over.
KNOWN = {
    "token_request": [
        ("client credentials with AIF", {33: 2, 5: "thermo", 9: AIF, 38: 2, 39: b"nonce"}, {}),
        ("a scope in words", {5: "tempSensor4711", 9: "read"}, {}),
        ("which profile?", {5: "thermo", 9: "read", 38: None}, {}),
        ("an update of rights", {5: "thermo", 9: "write", 4: {3: b"\x01"}}, {}),
        ("nothing at all", {}, {}),
        ("with what nobody knows", {5: "thermo", 24: "me"}, UNKNOWN),
        ("a password is none of ours", {5: "thermo"}, {35: "me", 36: "secret"}),
    ],
    "token_response": [
        (
            "OSCORE profile",
            {1: TOKEN, 38: 2, 2: 3600, 8: {4: {0: b"\x01", 2: MS, 5: b"salt"}}, 9: AIF},
            {},
        ),
        ("an update of rights", {1: TOKEN, 38: 2, 2: 3600}, {}),
        ("asymmetric", {1: TOKEN, 34: 2, 41: {1: {1: 2, -1: 1, -2: MS, -3: True}}}, {}),
        ("with what nobody knows", {1: TOKEN}, UNKNOWN),
        ("the refresh token is passed over", {1: TOKEN}, {37: b"refresh"}),
    ],
    "token_error": [
        ("code alone", {30: 6}, {}),
        ("all of it", {30: 1, 31: "no audience", 32: "coap://as/errors"}, {}),
        ("private", {30: -70000}, UNKNOWN),
    ],
    "hints": [
        ("all of them", {1: "coap://as/token", 2: b"kid", 5: "thermo", 9: AIF, 39: b"n"}, {}),
        ("none", {}, {}),
        ("a refusal of PAT", {1: "coap://as/token", 5: "thermo"}, {-65537: bytes(24)}),
    ],
    "introspection_request": [
        ("a token", {11: TOKEN}, {}),
        ("what kind it is", {11: TOKEN, 33: "PoP"}, {34: 2}),
    ],
    "introspection_response": [
        ("inactive", {10: False}, {}),
        ("inactive tells nothing else", {10: False}, {3: "thermo", 9: "read"}),
        (
            "active",
            {10: True, 3: "thermo", 9: AIF, 38: 2, 4: 1700000000, 40: 60, 8: {3: b"\x01"}},
            {},
        ),
        ("who", {10: True, 24: "me", 34: 2, 35: "user", 39: b"nonce", 7: b"thermo\x01"}, UNKNOWN),
    ],
    "authz_info_request": [
        ("a token and a nonce", {1: TOKEN, 40: b"12345678", 43: b"\x16\x45"}, {}),
        ("an update of rights", {1: TOKEN}, {}),
        ("how do members sign?", {1: TOKEN, 45: None}, {}),
        ("with what nobody knows", {1: TOKEN, 40: b"12345678", 43: b""}, UNKNOWN),
    ],
    "authz_info_response": [
        ("a nonce and an ID", {42: b"12345678", 44: b"\x00\x00"}, {}),
        ("of a KDC", {42: b"1", 44: b"", 45: [["g", -8, [1], [1], 33]], 46: b"12345678"}, {}),
    ],
    "claims": [
        ("fractions of a second", {3: "thermo", 4: 1.5, 9: "read", 8: {3: b"\x01"}}, {}),
        (
            "all that are known",
            {
                1: "as",
                2: "me",
                3: "thermo",
                4: 9,
                5: 1,
                6: 2,
                7: b"i",
                8: {3: b""},
                9: AIF,
                38: 2,
                39: b"n",
                40: 1,
            },
            {10: b"12345678"},
        ),
    ],
}

# What the RFCs print.
PUBLISHED = [
    (
        "RFC 9200 figure 3",
        "hints",
        "a401781c636f6170733a2f2f61732e6578616d706c652e636f6d2f746f6b656e0576636f6170733a2f2f7273"
        "2e6578616d706c652e636f6d09667254656d7043182745e0a156bb3f",
    ),
    (
        "RFC 9203 figure 7, whose keys are in no order",
        "claims",
        "a5037674656d7053656e736f72496e4c6976696e67526f6f6d061a5112d728041a51145dc809781874656d7065"
        "7261747572655f67206669726d776172655f7008a104a20041010250f9af838368e353e78888e1426bd94e6f",
    ),
]

# What RFC 8949 allows, and deterministic encoders never write.
LONGER = [
    ("a label and a length in longer forms", "token_request", "a1180578067468" + "65726d6f"),
    ("a whole date in a double", "claims", "a104fb41d954fc40000000"),
]

# By kind: name, map (or bytes) that is refused.
REFUSED = {
    "token_request": [
        ("an array", [5, "thermo"]),
        ("audience in bytes", {5: b"thermo"}),
        ("audience null", {5: None}),
        ("scope of a number", {9: 1}),
        ("scope of an array", {9: [["/temp", 1]]}),
        ("req_cnf in bytes", {4: b"\x01"}),
        ("grant type true", {33: True}),
        ("grant type in words", {33: "client_credentials"}),
        ("grant type negative", {33: -1}),
        ("profile in words", {38: "coap_oscore"}),
        ("profile a float", {38: 2.0}),
        ("cnonce in words", {39: "nonce"}),
        ("client_id in bytes", {24: b"me"}),
        ("nothing", b""),
        ("cut", cbor2.dumps({5: "thermo", 9: "read"})[:-1]),
        ("bytes behind it", cbor2.dumps({5: "thermo"}) + b"\0"),
        ("twice", b"\xa2\x05\x61a\x05\x61b"),
        ("twice, apart", b"\xa3\x05\x61a\x09\x61s\x05\x61b"),
        ("indefinite", b"\xbf\x05\x61a\xff"),
        ("twice, once longer", b"\xa2\x05\x61a\x18\x05\x61b"),
        ("deep", b"\xa1\x04" + b"\xa1\x00" * 9 + b"\x00"),
        ("many", cbor2.dumps({n: n for n in range(200)})),
        ("claims more than it has", b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("text that is none", b"\xa1\x05\x62\xc0\xaf"),
    ],
    "token_response": [
        ("no token", {2: 3600}),
        ("a token in words", {1: "token"}),
        ("a lifetime of bytes", {1: TOKEN, 2: b"\x01"}),
        ("a negative lifetime", {1: TOKEN, 2: -1}),
        ("a lifetime without end", {1: TOKEN, 2: 2**63}),
        ("cnf in bytes", {1: TOKEN, 8: b""}),
        ("profile null", {1: TOKEN, 38: None}),
    ],
    "token_error": [("no code", {31: "what?"}), ("a code in words", {30: "invalid_scope"})],
    "hints": [
        ("AS in bytes", {1: b"coap://as"}),
        ("cnonce in words", {39: "n"}),
        ("audience null", {1: "coap://as", 5: None}),
        ("text", "coap://as"),
    ],
    "introspection_request": [("no token", {33: "PoP"}), ("in words", {11: "token"})],
    "introspection_response": [
        ("does not say", {3: "thermo"}),
        ("active is 1", {10: 1}),
        ("exi is null", {10: True, 40: None}),
    ],
    "authz_info_request": [
        ("no token", {40: b"12345678", 43: b"\x01"}),
        ("a nonce of a number", {1: TOKEN, 40: 1, 43: b"\x01"}),
        ("an ID in words", {1: TOKEN, 40: b"1", 43: "id"}),
        ("sign_info true", {1: TOKEN, 45: True}),
        ("the token alone", TOKEN),
    ],
    "authz_info_response": [
        ("no nonce", {44: b"\x01"}),
        ("no ID", {42: b"12345678"}),
        ("empty", b""),
    ],
    "claims": [
        ("aud of several", {3: ["thermo", "lamp"]}),
        ("exp in words", {4: "soon"}),
        ("exp true", {4: True}),
        ("exp not a number", b"\xa1\x04\xf9\x7e\x00"),
        ("exp without end", b"\xa1\x04\xf9\x7c\x00"),
        ("exp negative", {4: -1}),
        ("cnf of a key", {8: MS}),
        ("scope of an array", {9: []}),
        ("exi in bytes", {40: b"\x01"}),
    ],
}


def messages() -> list:
    cases = [
        {
            "name": f"{kind}: {name}",
            "kind": kind,
            "encoded": cbor2.dumps({**more, **known}).hex(),
            "fields": canonical(known).hex(),
        }
        for kind, rows in KNOWN.items()
        for name, known, more in rows
    ]
    for name, kind, encoded in (*PUBLISHED, *LONGER):
        fields = canonical(cbor2.loads(bytes.fromhex(encoded))).hex()
        cases.append({"name": name, "kind": kind, "encoded": encoded, "fields": fields})
    return cases


def refused() -> list:
    return [
        {
            "name": f"{kind}: {name}",
            "kind": kind,
            "encoded": (value if isinstance(value, bytes) else cbor2.dumps(value)).hex(),
            "expect": "DecodeError",
        }
        for kind, rows in REFUSED.items()
        for name, value in rows
    ]


FILES = {
    "messages.json": ("What is known of each map, in deterministic CBOR.", messages),
    "failure_messages.json": ("Maps that are refused.", refused),
}
