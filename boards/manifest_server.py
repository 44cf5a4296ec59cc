"""Freezes what a node needs that only serves."""

include("manifest_core.py", role="server")
