"""Everything that checks Leafkey. `tests/unit` runs on both runtimes; the rest is pytest."""
