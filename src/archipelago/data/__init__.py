"""Named data sets: a card says what a set is, ``prepare`` makes it, ``load`` opens it.

``config/data/<name>.yaml`` is the card, ``data/<name>-<checksum>/`` the prepared set: plain ``.npy`` files.
"""

from archipelago.data.cards import Card, known_names, load_card
from archipelago.data.graphs import Graph
from archipelago.data.prepare import prepare, verify
from archipelago.data.sets import Images, load

__all__ = ["Card", "Graph", "Images", "known_names", "load", "load_card", "prepare", "verify"]
