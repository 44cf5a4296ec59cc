"""Numbers of the ACE registries (RFC 9200 section 8, RFC 9201 to 9203, 9594), and ours (SPEC 14).

CWT claims are in cwt.py, introspection's parameters in introspection.py: they look the same, and
40 is nonce1 here, exi there.
"""

from leafkey.compat import const

# Parameters of token requests and responses, of AS Request Creation Hints, and of /authz-info.
ACCESS_TOKEN = const(1)
# In hints: the AS, and the key that the RS would like to be used again.
AS = const(1)
HINT_KID = const(2)
EXPIRES_IN = const(2)
REQ_CNF = const(4)
AUDIENCE = const(5)
CNF = const(8)
SCOPE = const(9)
CLIENT_ID = const(24)
ERROR = const(30)
ERROR_DESCRIPTION = const(31)
ERROR_URI = const(32)
GRANT_TYPE = const(33)
TOKEN_TYPE = const(34)
ACE_PROFILE = const(38)
CNONCE = const(39)
NONCE1 = const(40)
RS_CNF = const(41)
NONCE2 = const(42)
ACE_CLIENT_RECIPIENTID = const(43)
ACE_SERVER_RECIPIENTID = const(44)
# Of RFC 9594, at /authz-info alone: a KDC's own map has other numbers for the same names.
SIGN_INFO = const(45)
KDCCHALLENGE = const(46)
ECDH_INFO = const(47)
KDC_DH_CREDS = const(48)

# Private use.
REFUSAL = const(-65537)
REQUEST_ID = const(-65538)
PARAMS_C = const(-65539)
COMMANDS = const(-65542)
SAM = const(-65544)
CAI = const(-65545)
CONSENT_PENDING = const(-65543)
KEPT = const(-65546)

# Grant types, token types, and ACE profiles.
CLIENT_CREDENTIALS = const(2)
BEARER = const(1)
POP = const(2)
COAP_DTLS = const(1)
COAP_OSCORE = const(2)
# Private use.
COAP_PAT = const(-65537)

# Error codes.
INVALID_REQUEST = const(1)
INVALID_CLIENT = const(2)
INVALID_GRANT = const(3)
UNAUTHORIZED_CLIENT = const(4)
UNSUPPORTED_GRANT_TYPE = const(5)
INVALID_SCOPE = const(6)
UNSUPPORTED_POP_KEY = const(7)
INCOMPATIBLE_ACE_PROFILES = const(8)
# Private use.
ACCESS_DENIED = const(-65537)

ERROR_NAMES = {
    1: "invalid_request",
    2: "invalid_client",
    3: "invalid_grant",
    4: "unauthorized_client",
    5: "unsupported_grant_type",
    6: "invalid_scope",
    7: "unsupported_pop_key",
    8: "incompatible_ace_profiles",
    -65537: "access_denied",
}

# Confirmation methods (RFC 8747 section 3.1, RFC 9203 section 9.5).
COSE_KEY = const(1)
KID = const(3)
OSC = const(4)
