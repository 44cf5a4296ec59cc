"""Numbers of the ACE registries (RFC 9200 sections 8.4 to 8.12) and our private ones (SPEC 14)."""

from leafkey.compat import const

# Parameters of token requests, responses and hints.
ACCESS_TOKEN = const(1)
AS = const(1)
EXPIRES_IN = const(2)
AUDIENCE = const(5)
CNF = const(8)
SCOPE = const(9)
CLIENT_ID = const(24)
ERROR = const(30)
ERROR_DESCRIPTION = const(31)
ACE_PROFILE = const(38)

# Private use.
REFUSAL = const(-65537)
REQUEST_ID = const(-65538)
PARAMS_C = const(-65539)
COMMANDS = const(-65542)
SAM = const(-65544)
CAI = const(-65545)
CONSENT_PENDING = const(-65543)
KEPT = const(-65546)
COAP_PAT = const(-65537)

# Error codes.
INVALID_REQUEST = const(1)
INVALID_SCOPE = const(6)
INCOMPATIBLE_ACE_PROFILES = const(8)
# Private use.
ACCESS_DENIED = const(-65537)

ERROR_NAMES = {
    1: "invalid_request",
    6: "invalid_scope",
    8: "incompatible_ace_profiles",
    -65537: "access_denied",
}

# Confirmation method COSE_Key (RFC 8747 section 3.1).
COSE_KEY = const(1)
