"""ACE (RFC 9200) structures that PAT shares with it."""
