"""CoAP (RFC 7252, 7641, 7959) as state machines without I/O."""
