"""The command `leafkey`: one module a group of commands, its manner of speaking in `ui`."""
