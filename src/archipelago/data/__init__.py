"""Named data sets: a card says what a set is, ``prepare`` makes it, ``load`` opens it.

``config/data/<name>.yaml`` is the card, ``data/<name>-<checksum>/`` the prepared set: plain ``.npy`` files.
"""
