"""A publication on the wire: COSE_Encrypt0 under the group's key (SPEC-GROUP section 4).

In a signed group it is that of draft-ietf-ace-coap-pubsub-profile: `kid` is the Gid, and a
countersignature (RFC 9338) names its sender. In a group without signatures, where the draft has no
place for the sender, `kid` is the Sender ID and `kid context` the Gid, as in Group OSCORE.
"""

from leafkey.codec import cbor, cose
from leafkey.codec.cose import ALG, COUNTERSIGNATURE, KID, KID_CONTEXT, PARTIAL_IV
from leafkey.errors import AuthenticationError, DecodeError
from leafkey.group import fields
from leafkey.group.material import GroupKey
from leafkey.oscore.keys import nonce, nonce_base
from leafkey.oscore.option import MAX_PIV_LEN, encode_piv


class Sealed:
    """A publication as it arrived; nothing of it is verified yet.

    `number` is its Partial IV; `is_signed` tells whether there is a countersignature.
    """

    def __init__(self, message: cose.Encrypt0):
        """DecodeError for headers that are not those of a publication."""
        headers = message.headers
        self.piv = _partial_iv(headers.get(PARTIAL_IV))
        self.number = int.from_bytes(self.piv, "big")
        self.alg = fields.integer(headers.get(ALG))
        if message.protected != cbor.encode({ALG: self.alg}):
            raise DecodeError("the protected header of a publication has its algorithm")
        self.is_signed = COUNTERSIGNATURE in headers
        if self.is_signed == (KID_CONTEXT in headers):
            raise DecodeError("a publication names its sender once")
        self._message = message
        self._signer, self._signature = b"", b""
        if self.is_signed:
            self.gid = fields.octets(headers.get(KID), fields.MAX_GID)
            self.sign_alg, self.sender = self._countersigned(headers[COUNTERSIGNATURE])
        else:
            self.gid = fields.octets(headers[KID_CONTEXT], fields.MAX_GID)
            self.sign_alg, self.sender = None, fields.sender_id(headers.get(KID))

    def open(self, provider, key: GroupKey) -> bytes:
        """Return the plaintext; AuthenticationError unless a member made it for this number."""
        if self.alg != key.alg or len(self.sender) > key.longest_sender_id():
            raise AuthenticationError("a publication that is not under this key")
        aad = cose.enc_structure(self._message.protected)
        used = _nonce(key, self.sender, self.piv)
        return provider.aead(key.alg).decrypt(key.key, used, aad, self._message.ciphertext)

    def verify(self, provider, public: bytes):
        """Raise AuthenticationError unless the sender's key of 32 bytes signed it."""
        message = self._message
        signed = cose.countersign_structure(message.protected, message.ciphertext, self._signer)
        provider.ed25519_verify(public, self._signature, signed)

    def _countersigned(self, value: object) -> tuple:
        """Take the COSE_Countersignature apart; return its algorithm and whose it is."""
        parts = fields.array(value)
        if len(parts) != 3:
            raise DecodeError("one countersignature has three parts")
        self._signer = fields.octets(parts[0])
        self._signature = fields.octets(parts[2])
        protected = fields.mapping(cbor.decode(self._signer, lenient=True))
        unprotected = fields.mapping(parts[1])
        if set(protected) != {ALG}:
            raise DecodeError("the protected header of a countersignature has its algorithm")
        return fields.integer(protected[ALG]), fields.sender_id(unprotected.get(KID))


def decode(data: bytes) -> Sealed:
    """Return a publication as it arrived, tag 16 optional; DecodeError if it is none."""
    return Sealed(cose.decode_encrypt0(data))


def seal(provider, key: GroupKey, sender: bytes, number: int, plaintext: bytes) -> bytes:
    """Return a publication without signature; never two with one key, sender and number."""
    protected, piv, ciphertext = _sealed(provider, key, sender, number, plaintext)
    headers = {KID: sender, PARTIAL_IV: piv, KID_CONTEXT: key.gid}
    return cbor.encode([protected, headers, ciphertext])


def seal_signed(
    provider, key: GroupKey, sender: bytes, number: int, plaintext: bytes, signer, sign_alg: int
) -> bytes:
    """Return a publication that `signer` signs; never two with one key, sender and number."""
    protected, piv, ciphertext = _sealed(provider, key, sender, number, plaintext)
    header = cbor.encode({ALG: sign_alg})
    signature = signer.sign(cose.countersign_structure(protected, ciphertext, header))
    headers = {KID: key.gid, PARTIAL_IV: piv, COUNTERSIGNATURE: [header, {KID: sender}, signature]}
    return cbor.encode([protected, headers, ciphertext])


def _sealed(provider, key: GroupKey, sender: bytes, number: int, plaintext: bytes) -> tuple:
    protected, piv = cbor.encode({ALG: key.alg}), encode_piv(number)
    aad = cose.enc_structure(protected)
    used = _nonce(key, sender, piv)
    return protected, piv, provider.aead(key.alg).encrypt(key.key, used, aad, plaintext)


def _nonce(key: GroupKey, sender: bytes, piv: bytes) -> bytes:
    """As OSCORE's, with the Base IV in place of the Common IV."""
    return nonce(nonce_base(key.base_iv, sender), piv, len(key.base_iv))


def _partial_iv(value: object) -> bytes:
    piv = fields.octets(value, MAX_PIV_LEN)
    if not piv or (len(piv) > 1 and piv[0] == 0):
        raise DecodeError("a Partial IV has 1 to 5 bytes, and no leading zeros")
    return piv
