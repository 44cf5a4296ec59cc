"""What signs: the interface that backends implement."""


class Signer:
    """A signing key of Ed25519, whose `public` key has 32 bytes; its repr shows no secret."""

    public = b""

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of a signature; the same message always gives the same."""
        raise NotImplementedError
