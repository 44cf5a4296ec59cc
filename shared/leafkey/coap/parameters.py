"""The message layer's times and bounds: whatever arrives, an endpoint holds no more than this.

Times are milliseconds, named as in RFC 7252 section 4.8.
"""

from leafkey.compat import const

ACK_TIMEOUT = const(2000)
# ACK_RANDOM_FACTOR 1.5: the first time-out is drawn from ACK_TIMEOUT plus up to this.
ACK_RANDOM_SPAN = const(1000)
MAX_RETRANSMIT = const(4)
# How long a request waits for its response once it was acknowledged or sent as NON.
MAX_TRANSMIT_WAIT = const(93000)
EXCHANGE_LIFETIME = const(247000)
# A response later than this is sent separately (RFC 7252 section 5.2.2); half of ACK_TIMEOUT, so
# that the client does not retransmit.
PROCESSING_DELAY = const(1000)

# A block of 1024 bytes with its options needs 1152 (RFC 7252 section 4.6). A transport reads up to
# one byte more, so that a longer datagram is refused and not taken for a malformed one.
MAX_DATAGRAM = const(2048)

# Requests received and not yet answered. When they are all taken a further request is dropped in
# silence: its sender retransmits it, and the exchanges in progress survive.
MAX_OPEN_EXCHANGES = const(32)
MAX_OPEN_BYTES = const(8192)

# Requests of ours that wait for a response, observations included.
MAX_REQUESTS = const(32)
MAX_IN_FLIGHT = const(32)
# Confirmable messages held back because another to the same remote is not acknowledged (NSTART 1).
MAX_WAITING = const(16)
MAX_EVENTS = const(64)
MAX_OUTGOING = const(64)

# Cached replies for duplicates, oldest out first. Three caches, so that refused requests cannot
# push out the replies of accepted ones, nor requests what acknowledges responses to us.
ACCEPTED_ENTRIES = const(48)
ACCEPTED_BYTES = const(8192)
REFUSED_ENTRIES = const(16)
REFUSED_BYTES = const(2048)
RESPONSE_ENTRIES = const(16)
RESPONSE_BYTES = const(4096)

# Message IDs not drawn again, and notifications sent as NON that a Reset can still refer to.
RECENT_MIDS = const(128)
RECENT_NOTIFICATIONS = const(32)
