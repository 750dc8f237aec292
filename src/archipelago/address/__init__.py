"""Addresses: an artifact lies under the key of everything that determines it.

This room knows nothing of the rest of the project and could be lifted out: ``files`` writes whole files or none,
``closure`` finds the code that a module depends on, ``keys`` turns all that determines an artifact into its key.
"""
