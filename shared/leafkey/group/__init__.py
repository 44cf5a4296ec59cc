"""Groups that share a key (RFC 9594): what KDC and members say, and publications (SPEC-GROUP)."""
