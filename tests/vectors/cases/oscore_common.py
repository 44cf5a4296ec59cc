"""What the groups of OSCORE vectors share: contexts, and how cases are written."""

from tests.vectors.cases.common import options_json, secret
from tests.vectors.reference import coap, oscore
from tests.vectors.reference.protect import Plain

MASTER_SECRET = secret("Master Secret")[:16]
MASTER_SALT = secret("Master Salt")[:8]
ID_CONTEXT = secret("ID Context")[:8]
TEXT = (coap.CONTENT_FORMAT, b"")

GET_LIGHT = Plain(coap.GET, coap.path("/light"))
PUT_LIGHT = Plain(coap.PUT, [*coap.path("/light"), TEXT], b"on")
LIGHT_IS_ON = Plain(coap.CONTENT, [TEXT], b"on")
CHANGED = Plain(coap.CHANGED, [])


def client(
    alg: int = oscore.AES_CCM,
    id_context: bytes | None = None,
    sender_id: bytes = b"\x01",
    recipient_id: bytes = b"\x02",
    master_secret: bytes = MASTER_SECRET,
    master_salt: bytes = MASTER_SALT,
) -> oscore.Context:
    """A client's context."""
    return oscore.Context(alg, master_secret, master_salt, id_context, sender_id, recipient_id)


def hexed(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def context_fields(context: oscore.Context) -> dict:
    """A context as its endpoint is given it."""
    fields = context._asdict()
    return {name: value if name == "alg" else hexed(value) for name, value in fields.items()}


def plain_fields(plain: Plain) -> dict:
    return {
        "code": plain.code,
        "options": options_json(plain.options),
        "payload": plain.payload.hex(),
    }


def message_fields(plain: Plain, protected: oscore.Protected, **more) -> dict:
    """A message before and after, with every value on the way."""
    return {
        **plain_fields(plain),
        **more,
        **protected.steps,
        "message": protected.message().hex(),
    }


def exchange(
    name: str,
    context: oscore.Context,
    plain: Plain,
    sequence: int,
    *answers: tuple[Plain, int | None],
    with_kid_context: bool = False,
) -> dict:
    """A request and its responses, each with the server's sequence number or None for no PIV."""
    kid_context = context.id_context if with_kid_context else None
    sent = oscore.request(context, plain, sequence, kid_context)
    responses = []
    for answer, number in answers:
        protected = oscore.response(context.mirrored(), answer, sent.bound, number)
        responses.append(message_fields(answer, protected, sequence=number))
    fields = message_fields(plain, sent, sequence=sequence, kid_context=hexed(kid_context))
    return {
        "name": name,
        "context": context_fields(context),
        "request": fields,
        "responses": responses,
    }
