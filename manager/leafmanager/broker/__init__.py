"""The broker of publications that it cannot read (draft-ietf-core-coap-pubsub)."""
