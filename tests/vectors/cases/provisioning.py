"""identity, failure_identity (SPEC.md section 10)."""

import cbor2

from tests.vectors.cases.common import secret
from tests.vectors.cases.oscore_common import context_fields, message_fields
from tests.vectors.cases.tokens import LIGHT, SAM
from tests.vectors.reference import coap, oscore, tokens
from tests.vectors.reference.protect import Plain, hmac64

CBOR = (coap.CONTENT_FORMAT, b"\x3c")
ACE_CBOR = (coap.CONTENT_FORMAT, b"\x13")
NEW_CONTEXT, HERE_IS_R2 = Plain(coap.GET, []), Plain(coap.UNAUTHORIZED, [])

SERVER_TOKEN_REQUEST = Plain(coap.POST, [*coap.path("/server-token"), CBOR], tokens.dumps({19: 0}))
LATER = Plain(coap.SERVICE_UNAVAILABLE, [(coap.MAX_AGE, b"\x05")])
# What the manager asks its server first: which version it has.
QUESTION = Plain(coap.POST, [*coap.path("/server-token"), CBOR], tokens.dumps([None, {19: 0}]))
CONFLICT = Plain(coap.CONFLICT, [CBOR], tokens.dumps({1: 0, 19: 0}))
ASKED = {5: "lamp", 9: tokens.dumps(LIGHT), 38: -65537, -65538: secret("request id")[:8]}
TICKET_REQUEST = Plain(coap.POST, [*coap.path("/token"), ACE_CBOR], tokens.dumps(ASKED))
ACCESS_REQUEST = TICKET_REQUEST._replace(payload=tokens.dumps(ASKED | {-65544: SAM}))
REFUSED = Plain(coap.BAD_REQUEST, [ACE_CBOR], tokens.dumps({30: 6}))


class Channel:
    """What a node and its manager share, and what both draw for one context."""

    def __init__(self, name: str, alg: int):
        self.alg = alg
        self.secret = secret("channel of the " + name)
        self.node_id = secret("ID of the " + name)[:4]
        self.manager_id = secret("ID of the manager for the " + name)[:4]
        self.k_hmac = secret("K_HMAC")
        self.s2, self.r1, self.r3 = (secret(part)[:8] for part in ("S2", "R1", "R3"))
        self.r2 = self.s2 + hmac64(self.k_hmac, self.s2)

    def fields(self) -> list:
        return [self.alg, self.secret, self.node_id, self.manager_id]

    def drawn(self) -> dict:
        return {name: getattr(self, name).hex() for name in ("k_hmac", "s2", "r1", "r3")}

    def context(self, id_context: bytes) -> oscore.Context:
        """The node's."""
        ids = self.node_id, self.manager_id
        return oscore.Context(self.alg, self.secret, b"", id_context, *ids)

    def made(self, request: Plain, answer: Plain) -> dict:
        """A node that has just started, and its first request."""
        first, second = self.context(self.r1), self.context(self.r2 + self.r1)
        third = self.context(self.r2 + self.r3)
        kid_contexts = [cbor2.dumps(part) for part in (self.r1, self.r2, self.r2 + self.r3)]
        ask = oscore.request(first, NEW_CONTEXT, 0, kid_contexts[0])
        told = oscore.response(second.mirrored(), HERE_IS_R2, ask.bound, 0, kid_contexts[1])
        asked = oscore.request(third, request, 0, kid_contexts[2])
        answered = oscore.response(third.mirrored(), answer, asked.bound)
        return {
            **self.drawn(),
            "context": context_fields(third),
            "request_1": message_fields(NEW_CONTEXT, ask),
            "response_1": message_fields(HERE_IS_R2, told),
            "request_2": message_fields(request, asked),
            "response_2": message_fields(answer, answered),
        }

    def pushed(self, request: Plain, answer: Plain) -> dict:
        """A request of the manager's, in the context that its server has made."""
        third = self.context(self.r2 + self.r3)
        asked = oscore.request(third.mirrored(), request, 0)
        answered = oscore.response(third, answer, asked.bound)
        return {
            "push": message_fields(request, asked),
            "push_answer": message_fields(answer, answered),
        }


def labelled(channel: Channel, **flags: bool) -> dict:
    fields = {1: "lamp", 2: "coap://192.0.2.1:5683", 6: channel.fields(), 8: "home"}
    return fields | {{"has_cam": 5, "is_server": 7}[name]: value for name, value in flags.items()}


def case(name: str, channel: Channel, exchange: dict, **flags: bool) -> dict:
    return {
        "name": name,
        "node": "lamp",
        "uri": "coap://192.0.2.1:5683",
        "manager": "home",
        "alg": channel.alg,
        "secret": channel.secret.hex(),
        "node_id": channel.node_id.hex(),
        "manager_id": channel.manager_id.hex(),
        **flags,
        "encoded": tokens.dumps(labelled(channel, **flags)).hex(),
        "exchange": exchange,
    }


def identity() -> list:
    client, server = Channel("client", 10), Channel("server", 24)
    told = server.made(SERVER_TOKEN_REQUEST, LATER) | server.pushed(QUESTION, CONFLICT)
    asked = client.made(TICKET_REQUEST, REFUSED)
    of_cam = Channel("client of a CAM", 24)
    return [
        case("client", client, asked),
        case("server", server, told, is_server=True),
        case("client of a CAM", of_cam, of_cam.made(ACCESS_REQUEST, REFUSED), has_cam=True),
    ]


def failure_identity() -> list:
    channel = Channel("client", 10)
    good = labelled(channel)
    alg, shared, node, manager = channel.fields()

    def without(label: int) -> dict:
        return {key: value for key, value in good.items() if key != label}

    def with_channel(*fields: object) -> dict:
        return good | {6: list(fields)}

    cases: list[tuple[str, object]] = [
        ("no map", [1, 2]),
        ("no name", without(1)),
        ("no manager's URI", without(2)),
        ("no channel", without(6)),
        ("no manager's name", without(8)),
        ("a name that is bytes", good | {1: b"lamp"}),
        ("a URI that is bytes", good | {2: b"coap://192.0.2.1:5683"}),
        ("a server that is none", good | {7: False}),
        ("a CAM that is none", good | {5: None}),
        ("a server of a CAM", good | {5: True, 7: True}),
        ("a label that nobody knows", good | {9: True}),
        ("the tokens of earlier drafts", without(6) | {3: [shared, {}]}),
        ("three parts of a channel", with_channel(alg, shared, node)),
        ("five parts of a channel", with_channel(alg, shared, node, manager, None)),
        ("another AEAD", with_channel(1, shared, node, manager)),
        ("an AEAD that is text", with_channel("10", shared, node, manager)),
        ("a short secret", with_channel(alg, shared[:31], node, manager)),
        ("a long secret", with_channel(alg, shared + b"\0", node, manager)),
        ("a short ID", with_channel(alg, shared, node[:2], manager)),
        ("a long ID", with_channel(alg, shared, node, manager + b"\0")),
        ("an empty ID", with_channel(alg, shared, b"", manager)),
        ("one ID for both", with_channel(alg, shared, node, node)),
        ("an ID that is text", with_channel(alg, shared, "lamp", manager)),
    ]
    encoded = [(name, tokens.dumps(fields)) for name, fields in cases]
    whole = tokens.dumps(good)
    encoded += [("cut", whole[:-1]), ("a byte more", whole + b"\0")]
    return [
        {"name": name, "encoded": data.hex(), "expect": "DecodeError"} for name, data in encoded
    ]


FILES = {
    "identity.json": (
        "What a node receives at provisioning, and its first exchange (SPEC.md section 10).",
        identity,
    ),
    "failure_identity.json": ("What is no identity (SPEC.md section 10).", failure_identity),
}
