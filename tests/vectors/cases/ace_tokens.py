"""Access tokens in COSE_Encrypt0, and those that are none."""

import cbor2

from tests.vectors.cases.ace_messages import AIF, MS
from tests.vectors.cases.common import flip, secret
from tests.vectors.reference import oscore
from tests.vectors.reference.ace import CWT, Key, access_token, canonical, channel_key

KEYS = {
    10: Key(10, secret("AS and RS")[:16], b"as-1"),
    24: Key(24, secret("AS and RS"), b"as-1"),
}
# Failures that are not the same by whatever AEAD.
SHARED = 7
IVS = {10: secret("iv")[:13], 24: secret("iv")[:12]}
CLAIMS = {3: "thermo", 40: 3600, 7: b"thermo\x01", 8: {4: {0: b"\x01", 2: MS, 5: b"salt"}}, 9: AIF}


def fields(key: Key) -> dict:
    kid = None if key.kid is None else key.kid.hex()
    return {"alg": key.alg, "key": key.value.hex(), "kid": kid}


def token(name: str, key: Key, encoded: bytes, own: bool) -> dict:
    """`own`: this is how the vector's own encoder writes it."""
    claims = canonical(CLAIMS).hex()
    iv = IVS[key.alg].hex()
    return {
        "name": name,
        **fields(key),
        "iv": iv,
        "claims": claims,
        "encoded": encoded.hex(),
        "same": own,
    }


def tokens() -> list:
    cases = []
    text = canonical(CLAIMS)
    for alg, key in KEYS.items():
        iv = IVS[alg]
        anonymous = key._replace(kid=None)
        rows = (
            ("tagged", key, access_token(key, iv, text), True),
            ("without kid", anonymous, access_token(anonymous, iv, text), True),
            ("a kid that nobody asked for", anonymous, access_token(key, iv, text), False),
            ("tag CWT around", key, access_token(key, iv, text, tags=(16, CWT)), False),
            ("no tag", key, access_token(key, iv, text, tags=()), False),
            (
                "all protected",
                key,
                access_token(key, iv, text, {5: iv, 4: b"as-1", 1: alg}, {}),
                False,
            ),
            ("claims in any order", key, access_token(key, iv, cbor2.dumps(CLAIMS)), False),
        )
        cases += [token(f"{name}, {alg}", *rest) for name, *rest in rows]
    return cases


def failures() -> list:
    cases = []
    for alg, key in KEYS.items():
        iv = IVS[alg]
        text = canonical(CLAIMS)
        good = access_token(key, iv, text)
        other = key._replace(value=secret("another key")[: len(key.value)])
        stranger = key._replace(kid=b"as-2")
        rows = [
            ("the last bit flipped", flip(good), "AuthenticationError"),
            ("another key", access_token(other, iv, text), "AuthenticationError"),
            ("another kid", access_token(stranger, iv, text), "AuthenticationError"),
            ("no kid", access_token(key, iv, text, None, {5: iv}), "AuthenticationError"),
            (
                "kid in words",
                access_token(key, iv, text, None, {4: "as-1", 5: iv}),
                "AuthenticationError",
            ),
            ("no alg", access_token(key, iv, text, {}), "AuthenticationError"),
            ("another alg", access_token(key, iv, text, {1: 34 - alg}), "AuthenticationError"),
            ("no IV", access_token(key, iv, text, None, {4: b"as-1"}), "DecodeError"),
            ("short IV", access_token(key, iv, text, None, {4: b"as-1", 5: iv[1:]}), "DecodeError"),
            (
                "a label twice",
                access_token(key, iv, text, None, {1: alg, 4: b"as-1", 5: iv}),
                "DecodeError",
            ),
            ("crit", access_token(key, iv, text, {1: alg, 2: [4]}), "DecodeError"),
            ("a COSE_Mac0", access_token(key, iv, text, tags=(17,)), "DecodeError"),
            ("tags in turn", access_token(key, iv, text, tags=(CWT, 16)), "DecodeError"),
            ("tag CWT twice", access_token(key, iv, text, tags=(16, CWT, CWT)), "DecodeError"),
            (
                "claims that are an array",
                access_token(key, iv, canonical([3, "thermo"])),
                "DecodeError",
            ),
            ("claims that are no CBOR", access_token(key, iv, b"\xff"), "DecodeError"),
            ("no claims", access_token(key, iv, b""), "DecodeError"),
            ("a claim of the wrong type", access_token(key, iv, canonical({3: 1})), "DecodeError"),
            ("cut", good[:-1], "DecodeError"),
            ("bytes behind it", good + b"\0", "DecodeError"),
            ("a reference", b"\x01\x02\x03\x04", "DecodeError"),
            ("a text", canonical("token"), "DecodeError"),
            ("nothing", b"", "DecodeError"),
            ("1025 bytes", access_token(key, iv, canonical({3: "x" * 1200}))[:1025], "DecodeError"),
        ]
        cases += [
            {"name": f"{name}, {alg}", **fields(key), "encoded": data.hex(), "expect": expect}
            for name, data, expect in (rows if alg == oscore.AES_CCM else rows[:SHARED])
        ]
    return cases


def channel_keys() -> list:
    channel = secret("channel")
    return [
        {
            "name": f"of a channel by AEAD {alg}",
            "alg": alg,
            "secret": channel.hex(),
            "key": channel_key(channel, alg).hex(),
        }
        for alg in KEYS
    ]


FILES = {
    "channel_key.json": ("The key of a server's tokens (SPEC 16.1).", channel_keys),
    "token.json": ("Access tokens, and the claims in them.", tokens),
    "failure_token.json": ("Tokens that are refused.", failures),
}
