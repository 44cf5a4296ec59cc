"""ACE: Authentication and Authorization for Constrained Environments (RFC 9200 to 9203, 9237)."""
