"""An authorization server on aiocoap, cwt and cbor2: ace_as.py PORT OSCORE KEY LIFETIME.

OSCORE is the directory of the security context with its one client (tests/interop/ace_peers.py),
KEY what it shares with the RS "thermo", in hex, LIFETIME that of its tokens, in seconds. It grants
/temp for reading and /vent for everything, tells each token by exi, and knows nothing of Leafkey.
"""

import asyncio
import os
import sys

import aiocoap
import cbor2
from aiocoap import credentials, oscore, oscore_sitewrapper, resource
from cwt import COSE, COSEKey

AUDIENCE = "thermo"
ALLOWED = {"/temp": 1, "/vent": 127}
ACE_CBOR = 19


class Token(resource.Resource):
    """POST /token."""

    def __init__(self, key: bytes, lifetime: int):
        super().__init__()
        self._key = COSEKey.from_symmetric_key(key, alg="AES-CCM-16-64-128", kid=b"as-1")
        self._cose = COSE.new(alg_auto_inclusion=True, kid_auto_inclusion=True)
        self._lifetime = lifetime
        self._count = int.from_bytes(os.urandom(2), "big")
        self._ids: set[bytes] = set()

    async def render_post(self, request):
        asked = cbor2.loads(request.payload)
        print("asked", asked[5], "update" if 4 in asked else "", flush=True)
        if asked.get(5) != AUDIENCE or asked.get(33, 2) != 2:
            return self._said(aiocoap.BAD_REQUEST, {30: 1})
        wanted = cbor2.loads(asked[9])
        scope = [[path, bits & ALLOWED[path]] for path, bits in wanted if path in ALLOWED]
        scope = [entry for entry in scope if entry[1]]
        if not scope:
            return self._said(aiocoap.BAD_REQUEST, {30: 6, 31: "none of this"})
        return self._granted(asked, cbor2.dumps(scope))

    def _granted(self, asked: dict, scope: bytes):
        response = {9: scope, 38: 2, 2: self._lifetime}
        if 4 in asked:
            cnf = {3: asked[4][3]}
            if cnf[3] not in self._ids:
                return self._said(aiocoap.BAD_REQUEST, {30: 1})
        else:
            cnf = {4: {0: os.urandom(2), 2: os.urandom(16), 5: os.urandom(8)}}
            self._ids.add(cnf[4][0])
            response[8] = cnf
        self._count += 1
        number = self._count.to_bytes(4, "big")
        claims = {3: AUDIENCE, 9: scope, 8: cnf, 40: self._lifetime, 7: AUDIENCE.encode() + number}
        if 39 in asked:
            claims[39] = asked[39]
        response[1] = self._cose.encode_and_encrypt(cbor2.dumps(claims), self._key)
        return self._said(aiocoap.CREATED, response)

    def _said(self, code, fields: dict):
        return aiocoap.Message(code=code, payload=cbor2.dumps(fields), content_format=ACE_CBOR)


async def main(port: int, oscore_base: str, key: str, lifetime: int):
    site = resource.Site()
    site.add_resource(["token"], Token(bytes.fromhex(key), lifetime))
    known = credentials.CredentialsMap()
    known[":client"] = oscore.FilesystemSecurityContext(oscore_base)
    root = oscore_sitewrapper.OscoreSiteWrapper(site, known)
    bind = ("127.0.0.1", port)
    await aiocoap.Context.create_server_context(root, bind=bind, server_credentials=known)
    print("ready", port, flush=True)
    await asyncio.get_running_loop().create_future()


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
