"""Runs what is checked: the virtual environment, MicroPython, mpy-cross, pyright."""
