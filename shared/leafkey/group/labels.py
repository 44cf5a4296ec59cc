"""Numbers of the ACE Groupcomm registries (RFC 9594 section 11) and our private ones."""

from leafkey.compat import const

# Parameters.
GID = const(0)
GNAME = const(1)
GURI = const(2)
SCOPE = const(3)
GET_CREDS = const(4)
CLIENT_CRED = const(5)
CNONCE = const(6)
GKTY = const(7)
KEY = const(8)
NUM = const(9)
ACE_GROUPCOMM_PROFILE = const(10)
EXP = const(11)
EXI = const(12)
CREDS = const(13)
PEER_ROLES = const(14)
PEER_IDENTIFIERS = const(15)
GROUP_POLICIES = const(16)
KDC_CRED = const(17)
KDC_NONCE = const(18)
KDC_CRED_VERIFY = const(19)
REKEYING_SCHEME = const(20)
GROUP_SENDER_ID = const(21)
CLIENT_CRED_VERIFY = const(24)
CREDS_REPO = const(25)
CONTROL_URI = const(26)
MGT_KEY_MATERIAL = const(27)
CONTROL_GROUP_URI = const(28)
SIGN_INFO = const(29)
KDCCHALLENGE = const(30)
ECDH_INFO = const(31)
KDC_DH_CREDS = const(32)
SIGN_ENC_KEY = const(33)
STALE_NODE_IDS = const(34)

# Key types: what `key` holds. That of pub/sub is what its draft suggests, and not registered.
GROUP_OSCORE_INPUT_MATERIAL = const(1)
GROUP_PUBSUB_KEYING_MATERIAL = const(2)

# Profiles. That of pub/sub is what its draft suggests; the one without signatures is private.
COAP_GROUP_OSCORE_APP = const(1)
COAP_GROUP_PUBSUB_APP = const(2)
COAP_GROUP_PUBSUB_SYMMETRIC = const(-65537)

# Policies.
SYNC_METHOD = const(0)
KEY_UPDATE_CHECK_INTERVAL = const(1)
EXPIRATION_DELTA = const(2)

# Rekeying schemes. The key tree is private.
POINT_TO_POINT = const(0)
KEY_TREE = const(-65537)

# Roles of an OSCORE group, as bits of Tperm; bit 0 is reserved.
REQUESTER = const(2)
RESPONDER = const(4)
MONITOR = const(8)
VERIFIER = const(16)

# What a pub/sub scope permits, as bits of Tperm. An administrator has other resources.
PUBSUB_ADMIN = const(1)
APPLICATION_GROUP = const(2)
PUBLISH = const(4)
READ = const(8)
DELETE_TOPIC = const(16)

# Errors (section 9), the last six by the profile of OSCORE groups and by its administration.
NOT_A_MEMBER = const(0)
INCONSISTENT_WITH_ROLES = const(1)
INCOMPATIBLE_CREDENTIAL = const(2)
INVALID_EVIDENCE = const(3)
NO_INDIVIDUAL_MATERIAL = const(4)
MEMBERSHIP_TERMINATED = const(5)
GROUP_DELETED = const(6)
SIGNATURES_NOT_USED = const(7)
ONLY_FOR_VERIFIERS = const(8)
GROUP_NOT_ACTIVE = const(9)
GROUP_ACTIVE = const(10)
NO_GROUP_NAME = const(11)
UNSUPPORTED_CONFIGURATION = const(12)

# Credential formats are COSE header parameters; this is a CWT Claims Set (RFC 9528).
KCCS = const(14)

# COSE algorithms of signatures, and the curve.
EDDSA = const(-8)
ED25519 = const(-19)
CURVE_ED25519 = const(6)
ED25519_PARAMS = [[1], [1, 6]]
