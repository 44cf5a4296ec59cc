"""Keying material and messages of RFC 9594, with the values that are published or checked."""

from tests.vectors.cases.common import secret
from tests.vectors.cases.group_common import ALGS, KDC, LONGEST, SENDER, SIGNER, group_key
from tests.vectors.reference.group import Signer, dumps

N_S = bytes.fromhex("018a278f7faab55a")
N_C = bytes.fromhex("25a8991cd700ac01")
TEXT_SCOPE = dumps(["group1", ["sender", "receiver"]])
SIGNING = {2: 14, 3: -8, 4: [[1], [1, 6]]}
# What the kinds of a message are called; `messages` of the core has a function for each.
REQUEST, RESPONSE, KEYS, CREDS = "join request", "join response", "keys", "creds"
OTHERS = (
    KEYS, CREDS, "creds request", "cred update", "kdc cred", "policies", "num", "individual",
    "gids", "groups", "challenge",
)  # fmt: skip


def checked(encoded: bytes, printed: str) -> bytes:
    if encoded.hex() != printed:
        raise SystemExit("differs from the checked value: " + encoded.hex())
    return encoded


def credential(signer: Signer) -> bytes:
    return dumps({8: {1: {1: 1, -1: 6, -2: signer.public()}}})


def signed_evidence(signer: Signer, first: bytes, *others: bytes) -> dict:
    """Who proves what over which input."""
    signed = b"".join(dumps(part) for part in (first, *others))
    fields = {"secret": signer.secret, "public": signer.public(), "signed": signed}
    fields["evidence"] = signer.key().sign(signed)
    return {name: value.hex() for name, value in fields.items()}


# Section 4.3.1.1 and 4.5.1.1: scope, N_S, N_C; or N_C, N_KDC.
EVIDENCE = (
    ("join", ("826667726f7570316673656e646572", N_S.hex(), N_C.hex()),
     "4f826667726f7570316673656e64657248018a278f7faab55a4825a8991cd700ac01"),
    ("a new credential", ("826667726f7570316673656e646572", N_S.hex(), "0446baefc56111bf"),
     "4f826667726f7570316673656e64657248018a278f7faab55a480446baefc56111bf"),
    ("KDC", (N_C.hex(), "cef04b2aa791bc6d"), "4825a8991cd700ac0148cef04b2aa791bc6d"),
    ("KDC, again", (N_C.hex(), "0b7db12aaff56da3"), "4825a8991cd700ac01480b7db12aaff56da3"),
)  # fmt: skip


def evidence() -> list:
    cases = []
    for name, inputs, printed in EVIDENCE:
        signer = KDC if name.startswith("KDC") else SIGNER
        fields = signed_evidence(signer, *map(bytes.fromhex, inputs))
        checked(bytes.fromhex(fields["signed"]), printed)
        cases.append({"name": name, "inputs": list(inputs), **fields})
    return cases


def scopes() -> list:
    cases = []
    for name, entry, printed in (
        ("OSCORE group, requester and responder", ["gp1", 6], "826367703106"),
        ("pub/sub, publish and read", ["room2", 12], "8265726f6f6d320c"),
        ("pub/sub, application group", ["room2", 14], "8265726f6f6d320e"),
        ("no bits", ["g", 0], None),
        ("text, one role", ["group1", "sender"], "826667726f7570316673656e646572"),
        ("text, two roles", ["group1", ["sender", "receiver"]], None),
        ("text, no role", ["group1"], None),
    ):
        encoded = dumps(entry)
        if printed is not None:
            checked(encoded, printed)
        named = entry[1] if len(entry) == 2 else []
        roles = [named] if isinstance(named, str) else named
        cases.append({"name": name, "group": entry[0], "roles": roles, "encoded": encoded.hex()})
    return cases


def oscore_material() -> dict:
    return {
        2: bytes(range(1, 17)), 3: 5, 4: 10, 5: bytes.fromhex("9e7ca92223786340"),
        6: bytes.fromhex("abcdef"), 7: SENDER, 8: 14, 9: 10, 10: -8, 11: [[1], [1, 6]], 12: -27,
        13: [[1], [1, 4]],
    }  # fmt: skip


OSCORE_PRINTED = (
    "ac02500102030405060708090a0b0c0d0e0f100305040a05489e7ca922237863400643abcdef074125080e090a0a"
    "270b8281018201060c381a0d828101820104"
)
PUBSUB_PRINTED = (
    "a500a5010402420a0b030a054d202122232425262728292a2b2c2050000102030405060708090a0b0c0d0e0f0141"
    "25020e032704828101820106"
)


def material() -> list:
    counted = {1: 4, 2: b"\x0a\x0b", 3: 10, 5: bytes(range(0x20, 0x2D)), -1: bytes(range(16))}
    whole = {0: counted, 1: SENDER, **SIGNING}
    checked(dumps(whole), PUBSUB_PRINTED)
    checked(dumps(oscore_material()), OSCORE_PRINTED)
    cases = [("pub/sub, checked value", 2, whole), ("OSCORE, checked value", 1, oscore_material())]
    for alg, name in ALGS.items():
        key = group_key(alg).cose_key()
        cases.append((f"{name}, a reader's", 2, {0: key}))
        cases.append((f"{name}, longest Sender ID", 2, {0: key, 1: LONGEST[alg]}))
        cases.append((f"{name}, empty Sender ID", 2, {0: key, 1: b""}))
    for name, left_out in (("group mode alone", (4, 12, 13)), ("pairwise mode alone", (9, 10, 11))):
        kept = {label: value for label, value in oscore_material().items() if label not in left_out}
        cases.append((f"OSCORE, {name}", 1, kept))
    return [{"name": name, "gkty": gkty, "encoded": dumps(key).hex()} for name, gkty, key in cases]


def without(value: dict, *labels: int) -> dict:
    return {label: part for label, part in value.items() if label not in labels}


def material_failure() -> list:
    key = group_key(10).cose_key()
    oscore = oscore_material()
    cases = [
        ("no group key", 2, {1: SENDER}),
        ("Sender ID of 8 bytes", 2, {0: key, 1: bytes(8)}),
        ("Sender ID of 7 bytes with ChaCha20", 2, {0: group_key(24).cose_key(), 1: bytes(7)}),
        ("Sender ID as text", 2, {0: key, 1: "25"}),
        ("signing in part", 2, {0: key, **without(SIGNING, 4)}),
        ("algorithm of signatures alone", 2, {0: key, 3: -8}),
        ("parameters as a map", 2, {0: key, **SIGNING, 4: {}}),
        ("an array", 2, [key]),
        ("no kty", 2, {0: without(key, 1)}),
        ("kty of a public key", 2, {0: {**key, 1: 1}}),
        ("kty true", 2, {0: {**key, 1: True}}),
        ("no Gid", 2, {0: without(key, 2)}),
        ("empty Gid", 2, {0: {**key, 2: b""}}),
        ("Gid of 33 bytes", 2, {0: {**key, 2: bytes(33)}}),
        ("no algorithm", 2, {0: without(key, 3)}),
        ("no Base IV", 2, {0: without(key, 5)}),
        ("Base IV one byte short", 2, {0: {**key, 5: bytes(12)}}),
        ("Base IV one byte long", 2, {0: {**key, 5: bytes(14)}}),
        ("no key", 2, {0: without(key, -1)}),
        ("key of 32 bytes for AES-128", 2, {0: {**key, -1: bytes(32)}}),
        ("empty key", 2, {0: {**key, -1: b""}}),
        ("no Master Secret", 1, without(oscore, 2)),
        ("Master Secret of 15 bytes", 1, {**oscore, 2: bytes(15)}),
        ("Master Secret of 65 bytes", 1, {**oscore, 2: bytes(65)}),
        ("no Gid of an OSCORE group", 1, without(oscore, 6)),
        ("no credential format", 1, without(oscore, 8)),
        ("no mode", 1, without(oscore, 4, 9, 10, 11, 12, 13)),
        ("group mode in part", 1, without(oscore, 10)),
        ("pairwise mode in part", 1, without(oscore, 13)),
        ("salt as an integer", 1, {**oscore, 5: 1}),
    ]
    refused = [{"name": name, "gkty": gkty, "encoded": dumps(value).hex(), "expect": "DecodeError"}
               for name, gkty, value in cases]  # fmt: skip
    unsupported = dumps({0: {**key, 3: 1}}).hex()
    fields = {"gkty": 2, "encoded": unsupported, "expect": "UnsupportedError"}
    return [*refused, {"name": "another AEAD", **fields}]


def join_request() -> dict:
    return {
        3: TEXT_SCOPE,
        4: [True, ["sender"], []],
        5: b"\xc0\xff\xee",
        6: N_C,
        24: b"\xde\xad\xbe\xef",
    }


def join_response() -> dict:
    """A signed group's with everything that may be in it."""
    return {
        7: 2, 8: {0: group_key(10).cose_key(), 1: SENDER, **SIGNING}, 9: 4, 10: 2, 11: 1800000000,
        12: 3600, 13: [credential(SIGNER), credential(KDC)], 14: [4, 12], 15: [b"\x01", b"\x02"],
        16: {1: 3600, 2: 120}, 17: credential(KDC), 18: N_S, 19: secret("evidence") * 2,
        20: -65537, 27: b"\x01", 28: "coap://[ff35:30:2001:db8::23]",
    }  # fmt: skip


def keys() -> dict:
    return without(join_response(), 16, 17, 18, 19, 28) | {
        8: {0: group_key(10, 2).cose_key()},
        9: 5,
    }


REQUEST_PRINTED = (
    "a5035819826667726f757031826673656e6465726872656365697665720483f5816673656e646572800543c0ffee"
    "064825a8991cd700ac01181844deadbeef"
)


def messages() -> list:
    checked(dumps(join_request()), REQUEST_PRINTED)
    groups = {0: [1, 2], 1: ["group1", "group2"], 2: ["/ace-group/g1", "/ace-group/g2"]}
    printed_groups = (
        "a30082010201826667726f7570316667726f75703202826d2f6163652d67726f75702f67316d2f6163652d67726f"
        "75702f6732"
    )
    checked(dumps(groups), printed_groups)
    reader = {3: TEXT_SCOPE, 4: None, 6: N_C}
    symmetric = {7: 2, 8: {0: group_key(24).cose_key(), 1: SENDER}, 9: 0, 10: -65537, 12: 60}
    oscore = {7: 1, 8: oscore_material(), 9: 0, 10: 1, 12: 3600, 21: SENDER}
    next_secret = {2: secret("Master Secret")[:16], 6: b"\xab\xcd\xf0"}
    rekeyed = {7: 1, 8: next_secret, 9: 1, 10: 1, 11: 7, 12: 3600, 34: [b"\x07"]}
    found = (
        (REQUEST, "checked value", join_request()),
        (REQUEST, "a reader's, all credentials", reader),
        (REQUEST, "credential that the KDC has verified", without(join_request(), 24)),
        (REQUEST, "credential that the KDC has", {**join_request(), 5: b"", 24: b""}),
        (REQUEST, "where to be reached", {**reader, 25: "coap://c/cred", 26: "coap://c/node"}),
        (REQUEST, "nonce of 64 bytes", {**reader, 6: bytes(64)}),
        (REQUEST, "roles as bits", {**reader, 4: [True, [4, 12], []]}),
        (RESPONSE, "everything", join_response()),
        (RESPONSE, "symmetric", symmetric),
        (RESPONSE, "OSCORE", oscore),
        (RESPONSE, "the highest num", {**symmetric, 9: (1 << 32) - 1}),
        (KEYS, "everything", keys()),
        (
            KEYS,
            "a Sender ID beside the key",
            {**without(keys(), 11, 12, 13, 14, 15, 27), 21: b"\x07"},
        ),
        (KEYS, "OSCORE", rekeyed),
        (CREDS, "two members", {9: 5, 13: [b"a", b"b"], 14: [4, ["x", "y"]], 15: [b"\1", b""]}),
        (CREDS, "nobody", {9: 5, 13: [], 15: []}),
        ("creds request", "all", {4: None}),
        ("creds request", "those listed", {4: [True, [], [b"\x01"]]}),
        ("creds request", "all but those listed", {4: [False, [], [b"\x01"]]}),
        ("cred update", "", {5: credential(SIGNER), 6: N_C, 24: bytes(64)}),
        ("kdc cred", "", {17: credential(KDC), 18: N_S, 19: bytes(64)}),
        ("policies", "checked value", {16: {2: 120}}),
        ("num", "", 258),
        ("individual", "", {21: SENDER}),
        ("gids", "checked value", {0: [1, 2]}),
        ("groups", "checked value", groups),
        ("challenge", "checked value", {30: N_S}),
        ("challenge", "how a group signs", {29: [["g", -8, [[1], [1, 6]], [1, 6], 14]], 30: N_S}),
        ("challenge", "how a group signs is asked", {29: None}),
    )
    checked(dumps({16: {2: 120}}), "a110a1021878")
    checked(dumps({0: [1, 2]}), "a100820102")
    checked(dumps({30: N_S}), "a1181e48018a278f7faab55a")
    return [{"name": f"{kind}: {name}", "kind": kind, "encoded": dumps(value).hex()}
            for kind, name, value in found]  # fmt: skip


def messages_other_forms() -> list:
    """Taken too, and encoded again otherwise."""
    request = join_request()
    found: tuple = (
        (REQUEST, "an unknown parameter", {**request, 99: {"x": [1]}, "y": 0}),
        (REQUEST, "a parameter of other messages", {**request, 7: 2, 8: {}, 29: True}),
        (RESPONSE, "unknown parameters", {**join_response(), 99: 0, -7: b""}),
        (KEYS, "how to sign, again", {**keys(), 17: credential(KDC), 99: None}),
    )
    backwards = dict(reversed(request.items()))
    found += ((REQUEST, "parameters in another order", backwards),)
    bases = (request, request, join_response(), keys(), request)
    return [
        {
            "name": f"{kind}: {name}",
            "kind": kind,
            "encoded": dumps(value).hex(),
            "same_as": dumps(base).hex(),
        }
        for (kind, name, value), base in zip(found, bases, strict=True)
    ]


def problems() -> list:
    fourth = "No available individual keying material"
    cases = []
    for name, value, printed in (
        ("not a member", {0: {0: 0}}, "a100a10000"),
        ("with title and detail", {-1: fourth, -2: "try later", 0: {0: 4}},
         "a32078274e6f20617661696c61626c6520696e646976696475616c206b6579696e67206d6174657269616c2169"
         "747279206c6174657200a10004"),
        ("an error of others", {-1: "no"}, None),
    ):  # fmt: skip
        encoded = dumps(value)
        if printed is not None:
            checked(encoded, printed)
        error = value.get(0, {}).get(0)
        fields = {"error": error, "title": value.get(-1), "detail": value.get(-2)}
        cases.append({"name": name, **fields, "encoded": encoded.hex()})
    return cases


def messages_failure(kinds: tuple) -> list:
    request, rekeying = join_request(), keys()
    response = {**join_response(), 13: [b"a", b"b"], 17: b"k", 19: b"e", 28: "coap://g"}
    creds = {9: 5, 13: [b"a", b"b"], 14: [4, 4], 15: [b"\1", b"\2"]}
    found = [
        (REQUEST, "no nonce", without(request, 6)),
        (REQUEST, "empty nonce", {**request, 6: b""}),
        (REQUEST, "nonce of 65 bytes", {**request, 6: bytes(65)}),
        (REQUEST, "nonce as text", {**request, 6: "25a8991c"}),
        (REQUEST, "scope as an array", {**request, 3: ["group1", "sender"]}),
        (REQUEST, "scope of 1025 bytes", {**request, 3: bytes(1025)}),
        (REQUEST, "evidence without credential", without(request, 5)),
        (REQUEST, "credential as a map", {**request, 5: {}}),
        (REQUEST, "credential of 1025 bytes", {**request, 5: bytes(1025)}),
        (REQUEST, "evidence as an integer", {**request, 24: 1}),
        (REQUEST, "filter with ids", {**request, 4: [True, ["sender"], [b"\1"]]}),
        (REQUEST, "filter that excludes", {**request, 4: [False, ["sender"], []]}),
        (REQUEST, "filter of nothing", {**request, 4: [True, [], []]}),
        (REQUEST, "filter of two parts", {**request, 4: [True, ["sender"]]}),
        (REQUEST, "filter without a flag", {**request, 4: [1, ["sender"], []]}),
        (REQUEST, "filter by a negative role", {**request, 4: [True, [-1], []]}),
        (REQUEST, "filter by a combination of one", {**request, 4: [True, [["sender"]], []]}),
        (REQUEST, "an array", list(request.values())),
        (REQUEST, "URI of 256 bytes", {**request, 26: "x" * 256}),
        (RESPONSE, "no key type", without(response, 7)),
        (RESPONSE, "no key", without(response, 8)),
        (RESPONSE, "no num", without(response, 9)),
        (RESPONSE, "negative num", {**response, 9: -1}),
        (RESPONSE, "num of 33 bits", {**response, 9: 1 << 32}),
        (RESPONSE, "num true", {**response, 9: True}),
        (RESPONSE, "key as a byte string", {**response, 8: b""}),
        (RESPONSE, "profile as text", {**response, 10: "x"}),
        (RESPONSE, "exp without exi", without(response, 12)),
        (RESPONSE, "exi negative", {**response, 12: -1}),
        (RESPONSE, "exi as text", {**response, 12: "60"}),
        (RESPONSE, "credentials without identifiers", without(response, 14, 15)),
        (RESPONSE, "identifiers without credentials", without(response, 13, 14)),
        (RESPONSE, "roles without credentials", without(response, 13, 15)),
        (RESPONSE, "more credentials than identifiers", {**response, 15: [b"\1"]}),
        (RESPONSE, "more roles than credentials", {**response, 14: [4, 4, 4]}),
        (RESPONSE, "an identifier of 8 bytes", {**response, 15: [b"\1", bytes(8)]}),
        (RESPONSE, "policies as an array", {**response, 16: []}),
        (RESPONSE, "a negative delta", {**response, 16: {2: -1}}),
        (RESPONSE, "KDC's credential without nonce", without(response, 18)),
        (RESPONSE, "KDC's credential without evidence", without(response, 19)),
        (RESPONSE, "evidence without KDC's credential", without(response, 17)),
        (RESPONSE, "path without a scheme", without(response, 20)),
        (RESPONSE, "path of 2049 bytes", {**response, 27: bytes(2049)}),
        (KEYS, "no key", without(rekeying, 8)),
        (
            KEYS,
            "key of another AEAD's size",
            {**rekeying, 8: {0: {**group_key(10).cose_key(), 3: 24}}},
        ),
        (KEYS, "stale ids as one", {**rekeying, 34: b"\1"}),
        (CREDS, "no num", without(creds, 9)),
        (CREDS, "more credentials", {**creds, 13: [b"a"]}),
        (CREDS, "a credential that is null", {**creds, 13: [b"a", None]}),
        ("creds request", "nothing", {}),
        ("creds request", "filter of nothing", {4: [False, [], []]}),
        ("cred update", "no evidence", {5: b"a", 6: N_C}),
        ("kdc cred", "no nonce", {17: b"a", 19: bytes(64)}),
        ("policies", "none", {}),
        ("num", "a map", {9: 1}),
        ("num", "negative", -1),
        ("individual", "nothing", {}),
        ("gids", "one that is a map", {0: [{}]}),
        ("groups", "arrays of two lengths", {0: [1], 1: ["a", "b"], 2: ["/a"]}),
        ("challenge", "sign info as an integer", {29: 1}),
    ]
    cases = [(kind, name, dumps(value)) for kind, name, value in found]
    whole = dumps(request)
    cases += [
        (REQUEST, "cut", whole[:-1]),
        (REQUEST, "bytes behind", whole + b"\0"),
        (REQUEST, "nothing", b""),
        (REQUEST, "a parameter twice", b"\xa2\x06\x41\x01\x06\x41\x02"),
        (REQUEST, "an indefinite length", b"\xbf\x06\x41\x01\xff"),
        (CREDS, "257 credentials", dumps({9: 1, 13: [b""] * 257, 15: [b""] * 257})),
    ]
    fields = {"expect": "DecodeError"}
    return [
        {"name": f"{kind}: {name}", "kind": kind, "encoded": encoded.hex(), **fields}
        for kind, name, encoded in cases
        if kind in kinds
    ]


def filters() -> list:
    """Which of four members a filter asks for; roles of the first two are bits."""
    members = [["01", 4], ["02", 12], ["03", ["sender"]], ["04", ["sender", "receiver"]]]
    found = (
        ([True, [4], []], "01 02"),
        ([True, [12], []], "02"),
        ([True, [8, 2], []], "02"),
        ([True, ["sender"], []], "03 04"),
        ([True, [["sender", "receiver"]], []], "04"),
        ([True, [4], [b"\x03"]], "01 02 03"),
        ([True, [], [b"\x02", b"\x09"]], "02"),
        ([False, [4], [b"\x02"]], "01"),
        ([False, [], [b"\x02"]], "01 03 04"),
        ([False, ["sender"], []], "03 04"),
        ([True, [16], []], ""),
        ([True, [0], []], ""),
    )
    return [
        {
            "name": str(number),
            "members": members,
            "encoded": dumps({4: value}).hex(),
            "asked": asked.split(),
        }
        for number, (value, asked) in enumerate(found)
    ]


def credentials() -> list:
    good = {1: 1, -1: 6, -2: SIGNER.public()}
    found = (
        ("ours", {8: {1: good}}, "accepted"),
        (
            "with other claims",
            {2: "42-50-31", 4: 1879067471, 8: {1: {**good, 2: b"\0", 3: -8}}},
            "accepted",
        ),
        ("fully specified algorithm", {8: {1: {**good, 3: -19}}}, "accepted"),
        ("no confirmation", {2: "42-50-31"}, "DecodeError"),
        ("confirmed otherwise", {8: {3: b"kid"}}, "DecodeError"),
        ("the secret key", {8: {1: {**good, -4: bytes(32)}}}, "DecodeError"),
        ("another curve", {8: {1: {**good, -1: 4}}}, "DecodeError"),
        ("another type of key", {8: {1: {**good, 1: 2}}}, "DecodeError"),
        ("another algorithm", {8: {1: {**good, 3: -7}}}, "DecodeError"),
        ("31 bytes", {8: {1: {**good, -2: bytes(31)}}}, "DecodeError"),
        ("33 bytes", {8: {1: {**good, -2: bytes(33)}}}, "DecodeError"),
        ("no x", {8: {1: without(good, -2)}}, "DecodeError"),
        ("an array", [8, good], "DecodeError"),
    )
    return [
        {
            "name": name,
            "encoded": dumps(value).hex(),
            "public": SIGNER.public().hex(),
            "expect": expect,
        }
        for name, value, expect in found
    ]


NO_MESSAGE = "What is no message between member and KDC."
FILES = {
    "evidence.json": ("Evidence that a credential is one's own (RFC 9594).", evidence),
    "scope.json": ("Entries of scopes, in AIF and as text (RFC 9594 section 3.1).", scopes),
    "material.json": ("Keying material of both kinds of group (section 2).", material),
    "material_failure.json": ("What is no keying material.", material_failure),
    "message.json": ("Messages between members and KDC (section 3).", messages),
    "message_other_form.json": (
        "Messages that are taken, and written otherwise.",
        messages_other_forms,
    ),
    "message_failure_request.json": (NO_MESSAGE, lambda: messages_failure((REQUEST,))),
    "message_failure_response.json": (NO_MESSAGE, lambda: messages_failure((RESPONSE,))),
    "message_failure.json": (NO_MESSAGE, lambda: messages_failure(OTHERS)),
    "problem.json": ("Problem details (RFC 9594 section 4.1.2).", problems),
    "filter.json": ("Whose credentials a filter asks for.", filters),
    "credential.json": ("Credentials of members (section 2).", credentials),
}
