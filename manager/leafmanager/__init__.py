"""The Leafkey manager: SAM, its store, its command line."""
