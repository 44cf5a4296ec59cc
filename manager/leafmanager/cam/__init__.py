"""The CAM: speaks for its owner's clients to the SAMs of other people's servers (SPEC 9.6)."""
