"""Peers without a server: every peer has a model of its own, and combines what it hears."""
