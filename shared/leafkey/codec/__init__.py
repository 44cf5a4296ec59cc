"""Byte formats: bounded reading, CBOR, COSE."""
