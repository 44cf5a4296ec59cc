"""Primitives behind one interface, and the backends that provide them."""
