"""The manager as authorization server of ACE (RFC 9200), and resource server of its own parts."""
