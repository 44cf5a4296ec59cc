"""The manager as Key Distribution Centre of groups (RFC 9594)."""
