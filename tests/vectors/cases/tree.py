"""functions, tree, traversal_*, pseudonyms (SPEC.md sections 2 and 3)."""

from tests.vectors.cases.common import SUITES, secret
from tests.vectors.reference import tree

# RFC 8439 section 2.3.2: counter 1, nonce 00:00:00:09:00:00:00:4a:00:00:00:00.
RFC_KEY = bytes(range(32))
RFC_INDEX = 0x0900000000000001
RFC_LABEL = 0x000000004A000000
RFC_BLOCK = "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"


def f_case(name: str, suite: int, label: int, key: bytes, index: int) -> dict:
    output = tree.f(suite, label, key, index)
    return {
        "name": name,
        "suite": suite,
        "label": label,
        "key": key.hex(),
        "index": index,
        "output": output.hex(),
    }


def functions() -> list:
    anchor = f_case("RFC 8439 section 2.3.2", 1, RFC_LABEL, RFC_KEY, RFC_INDEX)
    if anchor["output"] != RFC_BLOCK:
        raise SystemExit("RFC 8439 section 2.3.2 does not reproduce")
    cases = [anchor]
    for suite, suite_name in SUITES.items():
        for label in (0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11):
            name = f"{suite_name}, label {label}"
            cases.append(f_case(name, suite, label, secret("St"), 1))
        for index in (0, 2, 255, 256, 2**31, 2**32 - 1, 2**32, 2**64 - 1):
            name = f"{suite_name}, index {index}"
            cases.append(f_case(name, suite, 0, secret("St"), index))
        cases.append(f_case(f"{suite_name}, key of zeros", suite, 0, bytes(32), 1))
        cases.append(f_case(f"{suite_name}, largest label", suite, 2**64 - 1, bytes(32), 1))
    return cases


def addresses() -> list:
    cases = []
    for suite, suite_name in SUITES.items():
        for address in ([], [1], [2], [65535], [1, 1], [1, 2], [3, 1, 17], [3, 1, 17, 17, 16]):
            name = ".".join(str(index) for index in address) or "the empty address"
            cases.append(
                {
                    "name": f"{suite_name}, {name}",
                    "suite": suite,
                    "st": secret("St").hex(),
                    "address": address,
                    "node": tree.node(suite, secret("St"), address).hex(),
                }
            )
    return cases


def at_case(suite: int, degree: int, depth: int, number: int) -> dict:
    token = tree.access_token(suite, secret("Ct"), degree, number)
    return {
        "name": f"k = {degree}, number {number}",
        "suite": suite,
        "ct": secret("Ct").hex(),
        "degree": degree,
        "depth": depth,
        "capacity": depth * (degree - 1),
        "number": number,
        "level": token.level,
        "child": token.child,
        "parent": token.parent.hex(),
        "at": token.at.hex(),
        "verif_key": token.key(tree.VERIF_KEY).hex(),
        "psk": token.key(tree.PSK).hex(),
        "int_key": token.key(tree.INT_KEY).hex(),
        "conf_key": token.key(tree.CONF_KEY).hex(),
        "probe_key": token.key(tree.PROBE_KEY).hex(),
        "hint_key": token.key(tree.HINT_KEY).hex(),
    }


def past_the_end(suite: int, degree: int, depth: int) -> dict:
    capacity = depth * (degree - 1)
    return {
        "name": f"k = {degree}, past the capacity",
        "suite": suite,
        "ct": secret("Ct").hex(),
        "degree": degree,
        "depth": depth,
        "capacity": capacity,
        "number": capacity,
        "expect": "TokenTooFar",
    }


def traversal(suite: int) -> list:
    small = [at_case(suite, 3, 3, number) for number in range(6)]
    usual = [at_case(suite, 17, 4, number) for number in (0, 15, 16, 31, 32, 63)]
    return [*small, past_the_end(suite, 3, 3), *usual, past_the_end(suite, 17, 4)]


def pseudonyms() -> list:
    cases = []
    for suite, suite_name in SUITES.items():
        for number in (1, 2, 1000):
            cases.append(
                {
                    "name": f"{suite_name}, pseudonym {number}",
                    "suite": suite,
                    "ct": secret("Ct").hex(),
                    "number": number,
                    "psk": tree.pseudonym(suite, secret("Ct"), 0).hex(),
                    "pseudonym": tree.pseudonym(suite, secret("Ct"), number).hex(),
                }
            )
    return cases


FILES = {
    "functions.json": ("F(v, k, i) of both suites (SPEC.md section 2).", functions),
    "tree.json": ("Nodes by their addresses (SPEC.md section 3.1).", addresses),
    "traversal_chacha20.json": (
        "AT numbers, their places and keys, suite 1 (SPEC.md sections 3.2 and 3.3).",
        lambda: traversal(1),
    ),
    "traversal_sha256.json": (
        "AT numbers, their places and keys, suite 2 (SPEC.md sections 3.2 and 3.3).",
        lambda: traversal(2),
    ),
    "pseudonyms.json": ("Pseudonyms of the holder of Ct (SPEC.md section 3.4).", pseudonyms),
}
