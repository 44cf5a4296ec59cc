"""Object Security for Constrained RESTful Environments (RFC 8613), without I/O."""
