"""Appendix B.2: contexts made anew from R1, R2 and R3, with what travels while they are.

Response 1 has a Partial IV. Without one its nonce would be "the nonce of the request", and that
request was made under another Common IV: implementations differ in which of the two they take.
"""

import cbor2

from tests.vectors.cases.common import flip, secret
from tests.vectors.cases.oscore_common import (
    GET_LIGHT,
    LIGHT_IS_ON,
    PUT_LIGHT,
    client,
    context_fields,
    message_fields,
)
from tests.vectors.cases.oscore_parts import ALGS
from tests.vectors.cases.oscore_rfc import derived_fields
from tests.vectors.reference import coap, oscore
from tests.vectors.reference.protect import Plain, hmac64

ASK_FOR_R2 = Plain(coap.GET, [])
HERE_IS_R2 = Plain(coap.UNAUTHORIZED, [])


class Run:
    """One run of the protocol; R2 is made of S2 as appendix B.2.1 proposes."""

    def __init__(self, alg: int):
        self.alg = alg
        self.k_hmac = secret("K_HMAC")
        self.s2, self.r1, self.r3 = (secret(name)[:8] for name in ("S2", "R1", "R3"))
        self.r2 = self.s2 + hmac64(self.k_hmac, self.s2)
        self.first, self.second = self.context(self.r1), self.context(self.r2 + self.r1)
        self.third = self.context(self.r2 + self.r3)

    def context(self, id_context: bytes | None) -> oscore.Context:
        return client(self.alg, id_context, master_salt=b"", master_secret=secret("B.2"))

    def inputs(self) -> dict:
        """What the client is given, and what both draw."""
        names = ("k_hmac", "s2", "r1", "r2", "r3")
        drawn = {name: getattr(self, name).hex() for name in names}
        return {"context": context_fields(self.context(None)), **drawn}


def rederivation() -> list:
    cases = []
    for alg, name in ALGS.items():
        run = Run(alg)
        kid_contexts = [cbor2.dumps(part) for part in (run.r1, run.r2, run.r2 + run.r3)]
        ask = oscore.request(run.first, ASK_FOR_R2, 0, kid_contexts[0])
        told = oscore.response(run.second.mirrored(), HERE_IS_R2, ask.bound, 0, kid_contexts[1])
        get = oscore.request(run.third, GET_LIGHT, 0, kid_contexts[2])
        answer = oscore.response(run.third.mirrored(), LIGHT_IS_ON, get.bound)
        put = oscore.request(run.third, PUT_LIGHT, 1)
        contexts = [run.first, run.second, run.third]
        cases.append(
            {
                "name": name,
                **run.inputs(),
                "contexts": [
                    {"context": context_fields(context), "derived": derived_fields(context)}
                    for context in contexts
                ],
                "request_1": message_fields(ASK_FOR_R2, ask, kid_context=kid_contexts[0].hex()),
                "response_1": message_fields(HERE_IS_R2, told, kid_context=kid_contexts[1].hex()),
                "request_2": message_fields(GET_LIGHT, get, kid_context=kid_contexts[2].hex()),
                "response_2": message_fields(LIGHT_IS_ON, answer),
                "request_3": message_fields(PUT_LIGHT, put),
            }
        )
    return cases


def rederivation_failure() -> list:
    """Requests to a server that has given out R2 once, and has no context."""
    run = Run(10)
    unwrapped, r1 = cbor2.dumps(run.r2 + run.r3)[1:], cbor2.dumps(run.r1)

    def asking(context: oscore.Context, kid_context: bytes) -> bytes:
        return oscore.request(context, GET_LIGHT, 0, kid_context).message()

    def named(id_context: bytes) -> bytes:
        return asking(run.context(id_context), cbor2.dumps(id_context))

    broken = oscore.request(run.first, ASK_FOR_R2, 0, r1)
    broken = broken._replace(payload=flip(broken.payload))
    forged = oscore.request(run.third, GET_LIGHT, 0, cbor2.dumps(run.r2 + run.r3))
    forged = forged._replace(payload=flip(forged.payload))
    return [
        {"name": name, **run.inputs(), "message": message.hex(), "expect": expect}
        for name, message, expect in (
            ("request 1 that does not verify", broken.message(), "AuthenticationError"),
            (
                "request 1 under another R1",
                asking(run.first, cbor2.dumps(run.r3)),
                "AuthenticationError",
            ),
            ("R2 that was never given", named(flip(run.r2) + run.r3), "unknown context"),
            ("S2 that was never given", named(flip(run.r2, 0) + run.r3), "unknown context"),
            ("request 2 that does not verify", forged.message(), "AuthenticationError"),
            (
                "request 2 under another R3",
                asking(run.third, cbor2.dumps(run.r2 + run.r1)),
                "AuthenticationError",
            ),
            ("kid context that is not wrapped", asking(run.third, unwrapped), "DecodeError"),
            ("kid context that wraps a number", asking(run.third, b"\x01"), "DecodeError"),
            ("bytes behind what is wrapped", asking(run.first, r1 + b"\0"), "DecodeError"),
            (
                "no kid context",
                oscore.request(run.third, GET_LIGHT, 0).message(),
                "unknown context",
            ),
        )
    ]


FILES = {
    "rederivation.json": ("Appendix B.2, from the first request on.", rederivation),
    "rederivation_failure.json": (
        "Appendix B.2, what must not end in a context.",
        rederivation_failure,
    ),
}
