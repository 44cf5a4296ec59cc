"""Freezes what a node needs that only asks."""

include("manifest_core.py", role="client")
