"""Access tokens of the package `cwt`, and ours in its hands."""

import os

import cbor2
import pytest
from cwt import COSE, COSEKey

from leafkey.ace import cwt
from leafkey.crypto.provider import default_provider
from leafkey.errors import AuthenticationError

NAMES = {10: "AES-CCM-16-64-128", 24: "ChaCha20/Poly1305"}
SIZES = {10: (16, 13), 24: (32, 12)}
PROVIDER = default_provider()
CLAIMS = {
    cwt.AUD: "thermo",
    cwt.SCOPE: cbor2.dumps([["/temp", 1]]),
    cwt.CTI: b"thermo\x01",
    cwt.EXI: 3600,
    cwt.CNF: {4: {0: b"\x01", 2: bytes(16), 5: b"salt"}},
}


@pytest.fixture(params=[10, 24], ids=NAMES.get)
def ours(request) -> cwt.TokenKey:
    return cwt.TokenKey(request.param, os.urandom(SIZES[request.param][0]), b"as-1")


@pytest.fixture
def theirs(ours) -> COSEKey:
    return COSEKey.from_symmetric_key(ours.value, alg=NAMES[ours.alg], kid=ours.kid)


def test_what_cwt_writes_is_read(ours, theirs):
    writer = COSE.new(alg_auto_inclusion=True, kid_auto_inclusion=True)
    token = writer.encode_and_encrypt(cbor2.dumps(CLAIMS), theirs)
    assert cwt.unprotect(PROVIDER, ours, token) == CLAIMS


def test_cwt_reads_what_is_written(ours, theirs):
    token = cwt.protect(PROVIDER, ours, os.urandom(SIZES[ours.alg][1]), CLAIMS)
    assert cbor2.loads(COSE.new(verify_kid=True).decode(token, theirs)) == CLAIMS


def test_another_key_opens_nothing(ours):
    other = COSEKey.from_symmetric_key(
        os.urandom(SIZES[ours.alg][0]), alg=NAMES[ours.alg], kid=ours.kid
    )
    writer = COSE.new(alg_auto_inclusion=True, kid_auto_inclusion=True)
    token = writer.encode_and_encrypt(cbor2.dumps(CLAIMS), other)
    with pytest.raises(AuthenticationError):
        cwt.unprotect(PROVIDER, ours, token)
