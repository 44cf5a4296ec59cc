"""server_token, client_token, ticket, identity, refusal (SPEC.md sections 4, 8, 9 and 10)."""

from tests.vectors.cases.common import SUITES, options_json, secret, token
from tests.vectors.reference import coap, tokens, tree

SAM = "coap://[2001:db8::1]/token"
LIGHT = [["/light", 5], ["/light/brightness", 1]]
WHOLE = {
    "epoch": 1,
    "suite": 1,
    "n_clients": 3,
    "degree": 17,
    "depth": 64,
    "at_len": 16,
    "window": 8,
    "aead": 24,
    "audience": "lamp",
    "sam": SAM,
    "slots": {
        "1": {"generation": 1, "last": 1023, "level": 3},
        "2": {"generation": 7, "first": 32, "last": 63, "level": 1, "permissions": LIGHT},
        "3": {"generation": 2, "last": 0, "level": 2, "permissions": [], "expires_in": 3600},
    },
    "version": 12,
}
CLIENT = {
    "suite": 1,
    "degree": 17,
    "depth": 64,
    "at_len": 16,
    "window": 8,
    "aead": 24,
    "audience": "lamp",
    "slot": 2,
    "first": 32,
    "last": 63,
    "level": 1,
}

RANGES = [
    {"first": 1, "last": 1, "level": 2},
    {"first": 2, "last": 3, "permissions": LIGHT, "renewal": {"seconds": 60}},
]

# A list of one command, as C has it: nothing in it can be verified there.
SEALED = tokens.dumps([[1, 13, secret("sealed")[:20]]])


def token_case(name: str, secret_name: str, value: bytes | None, parameters: dict) -> dict:
    return {
        "name": name,
        secret_name: "" if value is None else value.hex(),
        "parameters": parameters,
        "encoded": tokens.token(value, parameters).hex(),
    }


def server_token() -> list:
    smallest = {**WHOLE, "n_clients": 1, "degree": 5, "depth": 1, "at_len": 8, "window": 2}
    smallest |= {"slots": {}, "version": 1, "aead": 10, "suite": 2}
    largest = {**WHOLE, "n_clients": 2047, "degree": 1025, "depth": 1048575, "at_len": 32}
    largest |= {"window": 16, "version": 2**30 - 1, "epoch": 2**30 - 1}
    grant = {"generation": 8, "last": 1023, "level": 2, "expires_in": 86400}
    return [
        token_case("whole", "st", secret("St"), WHOLE),
        token_case("smallest limits, no slot", "st", secret("St"), smallest),
        token_case("largest limits", "st", secret("St"), largest),
        token_case("change: a grant", "st", None, {"version": 13, "slots": {"2": grant}}),
        token_case("change: a slot closed", "st", None, {"version": 14, "slots": {"2": None}}),
        token_case("change: N and d grow", "st", None,
                   {"version": 15, "epoch": 1, "n_clients": 300, "depth": 128}),
        token_case("change: slot 300 after slot 24", "st", None,
                   {"version": 16, "slots": {"300": grant, "24": None}}),
        token_case("change: renewal rules", "st", None, {"version": 18, "slots": {
            "1": {**grant, "renewal": {"notifications": 5, "seconds": 600, "requests": 20}},
            "2": {**grant, "renewal": {"seconds": 2**30 - 1}},
            "3": {**grant, "renewal": {"notifications": 1}}}}),
        token_case("change: permissions undefined, endorsements", "st", None, {"version": 19,
            "slots": {
                "1": {**grant, "permissions": None},
                "2": {**grant, "permissions": None, "endorsement_version": 2**30 - 1},
                "3": {**grant, "endorsement_version": 1, "endorsement": secret("x").hex()}}}),
        token_case("whole, with ranges", "st", secret("St"), {**WHOLE, "ranges": RANGES}),
        token_case("change: ranges", "st", None, {"version": 20, "ranges": RANGES}),
        token_case("change: no range any more", "st", None, {"version": 21, "ranges": []}),
        token_case("change: nothing but the version", "st", None, {"version": 17}),
    ]  # fmt: skip


def client_token() -> list:
    whole = {**CLIENT, "sam": SAM, "permissions": LIGHT, "expires_in": 600}
    return [
        token_case("implicit authorization", "ct", secret("Ct"), CLIENT),
        token_case("every parameter", "ct", secret("Ct"), whole),
        token_case("suite 2, AES-CCM, level 3", "ct", secret("Ct"),
                   {**CLIENT, "suite": 2, "aead": 10, "level": 3, "first": 0}),
        token_case("no permission at all", "ct", secret("Ct"), {**CLIENT, "permissions": []}),
        token_case("every renewal", "ct", secret("Ct"),
                   {**CLIENT, "renewal": {"notifications": 5, "seconds": 600, "requests": 20}}),
        token_case("an endorsement", "ct", secret("Ct"),
                   {**CLIENT, "endorsement": secret("x").hex()}),
        token_case("a renewal", "ct", secret("Ct"), {**CLIENT, "renewal": {"seconds": 1}}),
        token_case("every method", "ct", secret("Ct"), {**CLIENT, "permissions": [["/", 127]]}),
    ]  # fmt: skip


def request_case(name: str, scope: list, **more) -> dict:
    request_id = secret("request id")[:8]
    payload = {5: "lamp", 9: tokens.dumps(scope), 38: tokens.PROFILE}
    payload[tokens.REQUEST_ID] = request_id
    if "client_id" in more:
        payload[24] = more["client_id"]
    if "kept" in more:
        payload[tokens.KEPT] = tokens.dumps(more["kept"])
    if "sam" in more:
        payload[tokens.SAM_URI] = more["sam"]
    return {
        "name": name,
        "kind": "token-request",
        "audience": "lamp",
        "scope": scope,
        "request_id": request_id.hex(),
        **more,
        "encoded": tokens.dumps(payload).hex(),
    }


def response_case(
    name: str,
    scope: list,
    parameters: dict,
    commands: bytes = b"",
    endorsement: bytes = b"",
    cai: list | None = None,
) -> dict:
    access_token = endorsement or secret("access token")[:16]
    payload = {
        1: access_token,
        8: {1: {1: 4, -1: secret("Ct")}},
        9: tokens.dumps(scope),
        38: tokens.PROFILE,
        tokens.PARAMS_C: tokens.parameters(parameters),
    }
    if "expires_in" in parameters:
        payload[2] = parameters["expires_in"]
    if commands:
        payload[tokens.COMMANDS] = commands
    if cai is not None:
        payload[tokens.CAI] = tokens.dumps(cai)
    return {
        "name": name,
        "kind": "token-response",
        "access_token": access_token.hex(),
        "scope": scope,
        "ct": secret("Ct").hex(),
        "parameters": parameters,
        **({"commands": commands.hex()} if commands else {}),
        **({} if cai is None else {"cai": cai}),
        "encoded": tokens.dumps(payload).hex(),
    }


def map_case(kind: str, name: str, labelled: dict, **fields) -> dict:
    return {"name": name, "kind": kind, **fields, "encoded": tokens.dumps(labelled).hex()}


def ticket() -> list:
    timed = {**CLIENT, "sam": SAM, "permissions": LIGHT, "expires_in": 600}
    return [
        request_case("request", LIGHT),
        request_case("request with the client's name", LIGHT, client_id="desk lamp switch"),
        request_case("request that keeps what C had", LIGHT, kept=[["/color", 5]]),
        request_case("request to a CAM", LIGHT, sam=SAM),
        request_case("request to a CAM that keeps", LIGHT, sam=SAM, kept=[["/color", 5]]),
        request_case("request of a CAM, the longest name", LIGHT, client_id="é" * 32),
        response_case("grant", LIGHT, {**CLIENT, "permissions": LIGHT}),
        response_case("grant with an endorsement", LIGHT, CLIENT,
                      endorsement=tokens.dumps([3, {13: 32, 14: 63, 15: 1, 16: LIGHT}, bytes(16)])),
        response_case("grant with an end", LIGHT, timed),
        response_case("grant with commands to deliver first", LIGHT, CLIENT, SEALED),
        response_case("transfer with CAI", LIGHT[1:], CLIENT, cai=LIGHT[1:]),
        response_case("transfer with everything", LIGHT, timed, SEALED, cai=[["/light", 1]]),
        map_case("token-error", "unknown audience", {30: 1}, error=1),
        map_case("token-error", "policy allows nothing", {30: 6, 31: "not your lamp"}, error=6,
                 description="not your lamp"),
        map_case("token-error", "another profile", {30: 8}, error=8),
        map_case("token-error", "the owner says no", {30: tokens.ACCESS_DENIED},
                 error=tokens.ACCESS_DENIED),
        map_case("consent-pending", "the owner is asked", {tokens.CONSENT_PENDING: 1}),
        map_case("server-token-request", "S has nothing", {19: 0}, version=0),
        map_case("server-token-request", "S has version 12", {19: 12}, version=12),
        map_case("server-token-answer", "taken", {1: 1, 19: 13}, epoch=1, version=13),
    ]  # fmt: skip


def refusal_case(name: str, suite: int, number: int, hint: int | None) -> dict:
    random8 = secret("refusal " + name)[:8]
    hint_key = token(number, suite=suite).at.key(tree.HINT_KEY)
    if hint is None:
        field = secret("no hint " + name)[:24]
    else:
        field = tokens.refusal_field(hint_key, random8, hint)
    payload = tokens.hints(SAM, "lamp", field)
    return {
        "name": name,
        "suite": suite,
        "number": number,
        "hint_key": hint_key.hex(),
        "random": random8.hex() if hint is not None else "",
        "hint": hint,
        "refusal": field.hex(),
        "code": coap.UNAUTHORIZED,
        "options": options_json([tokens.ACE_CBOR]),
        "payload": payload.hex(),
        "message": tokens.refusal_message(payload).hex(),
    }


def refusal() -> list:
    cases = []
    for suite, suite_name in SUITES.items():
        for hint in (1, 256, 2**30):
            cases.append(refusal_case(f"{suite_name}, hint {hint}", suite, 7, hint))
        cases.append(refusal_case(f"{suite_name}, no hint", suite, 7, None))
    return cases


FILES = {
    "server_token.json": ("Server tokens, whole and changes (SPEC.md section 4.1).", server_token),
    "client_token.json": ("Client tokens (SPEC.md section 4.1).", client_token),
    "ticket.json": ("Payloads of SAM's exchanges (SPEC.md sections 6.2 and 9).", ticket),
    "refusal.json": ("4.01 with hints and the refusal field (SPEC.md section 8).", refusal),
}
