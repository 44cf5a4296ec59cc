"""SPEC.md once more, from its text alone, on pyca/cryptography and cbor2; never imports leafkey."""
