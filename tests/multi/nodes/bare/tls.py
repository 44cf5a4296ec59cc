"""Firmware without network has no such module: what is imported from this folder finds none."""

raise ImportError("no module named 'tls'")
