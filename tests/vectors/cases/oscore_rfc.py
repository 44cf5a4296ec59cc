"""RFC 8613 appendix C: computed here, and held against what it prints."""

from tests.vectors.cases.oscore_common import context_fields, exchange
from tests.vectors.reference import coap, oscore
from tests.vectors.reference.protect import Plain

SECRET = bytes.fromhex("0102030405060708090a0b0c0d0e0f10")
SALT = bytes.fromhex("9e7ca92223786340")
ID_CONTEXT = bytes.fromhex("37cbf3210017a2d3")
CLIENTS = {
    "C.1": oscore.Context(oscore.AES_CCM, SECRET, SALT, None, b"", b"\x01"),
    "C.2": oscore.Context(oscore.AES_CCM, SECRET, b"", None, b"\x00", b"\x01"),
    "C.3": oscore.Context(oscore.AES_CCM, SECRET, SALT, ID_CONTEXT, b"", b"\x01"),
}
SEQUENCE = 20
GET = Plain(coap.GET, [(coap.URI_HOST, b"localhost"), (coap.URI_PATH, b"tv1")])
HELLO = Plain(coap.CONTENT, [], b"Hello World!")

# Of the client; the server's are the same with sender and recipient changed over.
DERIVED = {
    "C.1": {
        "sender_info": "8540f60a634b657910",
        "recipient_info": "854101f60a634b657910",
        "iv_info": "8540f60a6249560d",
        "sender_key": "f0910ed7295e6ad4b54fc793154302ff",
        "recipient_key": "ffb14e093c94c9cac9471648b4f98710",
        "common_iv": "4622d4dd6d944168eefb54987c",
        "sender_nonce": "4622d4dd6d944168eefb54987c",
        "recipient_nonce": "4722d4dd6d944169eefb54987c",
    },
    "C.2": {
        "sender_info": "854100f60a634b657910",
        "recipient_info": "854101f60a634b657910",
        "iv_info": "8540f60a6249560d",
        "sender_key": "321b26943253c7ffb6003b0b64d74041",
        "recipient_key": "e57b5635815177cd679ab4bcec9d7dda",
        "common_iv": "be35ae297d2dace910c52e99f9",
        "sender_nonce": "bf35ae297d2dace910c52e99f9",
        "recipient_nonce": "bf35ae297d2dace810c52e99f9",
    },
    "C.3": {
        "sender_info": "85404837cbf3210017a2d30a634b657910",
        "recipient_info": "8541014837cbf3210017a2d30a634b657910",
        "iv_info": "85404837cbf3210017a2d30a6249560d",
        "sender_key": "af2a1300a5e95788b356336eeecd2b92",
        "recipient_key": "e39a0c7c77b43f03b4b39ab9a268699f",
        "common_iv": "2ca58fb85ff1b81c0b7181b85e",
        "sender_nonce": "2ca58fb85ff1b81c0b7181b85e",
        "recipient_nonce": "2da58fb85ff1b81d0b7181b85e",
    },
}

AAD_HEAD = "8368456e63727970743040"
# Appendix, of which context, and what is printed; the bytes before `protected` are its header.
REQUESTS = {
    "C.4": (
        "C.1",
        "44015d1f00003974396c6f63616c686f737483747631",
        {
            "aad_array": "8501810a40411440",
            "aad": AAD_HEAD + "488501810a40411440",
            "plaintext": "01b3747631",
            "key": "f0910ed7295e6ad4b54fc793154302ff",
            "nonce": "4622d4dd6d944168eefb549868",
            "option": "0914",
            "ciphertext": "612f1092f1776f1c1668b3825e",
        },
        "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e",
    ),
    "C.5": (
        "C.2",
        "440171c30000b932396c6f63616c686f737483747631",
        {
            "aad_array": "8501810a4100411440",
            "aad": AAD_HEAD + "498501810a4100411440",
            "plaintext": "01b3747631",
            "key": "321b26943253c7ffb6003b0b64d74041",
            "nonce": "bf35ae297d2dace910c52e99ed",
            "option": "091400",
            "ciphertext": "4ed339a5a379b0b8bc731fffb0",
        },
        "440271c30000b932396c6f63616c686f737463091400ff4ed339a5a379b0b8bc731fffb0",
    ),
    "C.6": (
        "C.3",
        "44012f8eef9bbf7a396c6f63616c686f737483747631",
        {
            "aad_array": "8501810a40411440",
            "aad": AAD_HEAD + "488501810a40411440",
            "plaintext": "01b3747631",
            "key": "af2a1300a5e95788b356336eeecd2b92",
            "nonce": "2ca58fb85ff1b81c0b7181b84a",
            "option": "19140837cbf3210017a2d3",
            "ciphertext": "72cd7273fd331ac45cffbe55c3",
        },
        "44022f8eef9bbf7a396c6f63616c686f73746b19140837cbf3210017a2d3ff72cd7273fd331ac45cffbe55c3",
    ),
}
# Both answer C.4.
HELLO_SENT = "64455d1f00003974ff48656c6c6f20576f726c6421"
RESPONSES = {
    "C.7": (
        None,
        {
            "aad_array": "8501810a40411440",
            "aad": AAD_HEAD + "488501810a40411440",
            "plaintext": "45ff48656c6c6f20576f726c6421",
            "key": "ffb14e093c94c9cac9471648b4f98710",
            "nonce": "4622d4dd6d944168eefb549868",
            "option": "",
            "ciphertext": "dbaad1e9a7e7b2a813d3c31524378303cdafae119106",
        },
        "64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106",
    ),
    "C.8": (
        0,
        {
            "aad_array": "8501810a40411440",
            "aad": AAD_HEAD + "488501810a40411440",
            "plaintext": "45ff48656c6c6f20576f726c6421",
            "key": "ffb14e093c94c9cac9471648b4f98710",
            "nonce": "4722d4dd6d944169eefb54987c",
            "option": "0100",
            "ciphertext": "4d4c13669384b67354b2b6175ff4b8658c666a6cf88e",
        },
        "64445d1f00003974920100ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e",
    ),
}
HEADER_AND_TOKEN = slice(0, 16)


def agree(name: str, computed: dict, printed: dict) -> None:
    """End the run if a value differs from what the RFC prints."""
    for field, value in printed.items():
        if computed[field] != value:
            raise SystemExit(f"{name}, {field}: differs from the RFC: {computed[field]}")


def derived_fields(context: oscore.Context) -> dict:
    """Everything of appendix C.1 to C.3, for a Partial IV of 0."""
    values = {
        "sender_info": context.info(context.sender_id, "Key"),
        "recipient_info": context.info(context.recipient_id, "Key"),
        "iv_info": context.info(b"", "IV"),
        "sender_key": context.key(context.sender_id),
        "recipient_key": context.key(context.recipient_id),
        "common_iv": context.common_iv(),
        "sender_nonce": context.nonce(context.sender_id, b"\0"),
        "recipient_nonce": context.nonce(context.recipient_id, b"\0"),
    }
    return {name: value.hex() for name, value in values.items()}


def changed_over(printed: dict) -> dict:
    """What the RFC prints for the server."""
    other = {"sender": "recipient", "recipient": "sender", "iv": "iv", "common": "common"}
    return {
        f"{other[role]}_{rest}": value
        for role, rest, value in ((*name.split("_"), value) for name, value in printed.items())
    }


def derivation() -> list:
    cases = []
    for name, context in CLIENTS.items():
        for number, given, printed in (
            (1, context, DERIVED[name]),
            (2, context.mirrored(), changed_over(DERIVED[name])),
        ):
            derived = derived_fields(given)
            agree(name, derived, printed)
            case = {"name": f"{name}.{number}", "context": context_fields(given)}
            cases.append({**case, "derived": derived})
    return cases


def datagram(printed: str, message: str) -> str:
    """`message` behind the header and token of a printed datagram; its code is its own."""
    head = printed[HEADER_AND_TOKEN]
    return head[:2] + message[:2] + head[4:] + message[2:]


def agree_whole(name: str, fields: dict, before: str, after: str) -> dict:
    """The fields with the whole datagrams, unprotected and protected, as the RFC prints them."""
    options = [(number, bytes.fromhex(value)) for number, value in fields["options"]]
    unprotected = coap.message(fields["code"], options, bytes.fromhex(fields["payload"])).hex()
    whole = {
        "unprotected": datagram(before, unprotected),
        "protected": datagram(after, fields["message"]),
    }
    agree(name, whole, {"unprotected": before, "protected": after})
    return {**fields, **whole}


def messages() -> list:
    cases = []
    for name, (context, before, printed, after) in REQUESTS.items():
        replies = RESPONSES if name == "C.4" else {}
        answers = [(HELLO, sequence) for sequence, _, _ in replies.values()]
        case = exchange(
            name, CLIENTS[context], GET, SEQUENCE, *answers, with_kid_context=name == "C.6"
        )
        agree(name, case["request"], printed)
        case["request"] = agree_whole(name, case["request"], before, after)
        for i, (reply, (_, values, whole)) in enumerate(replies.items()):
            agree(reply, case["responses"][i], values)
            response = agree_whole(reply, case["responses"][i], HELLO_SENT, whole)
            case["responses"][i] = {"name": reply, **response}
        cases.append(case)
    return cases


FILES = {
    "rfc8613_derivation.json": ("RFC 8613 appendix C.1 to C.3.", derivation),
    "rfc8613.json": ("RFC 8613 appendix C.4 to C.8; C.7 and C.8 answer C.4.", messages),
}
