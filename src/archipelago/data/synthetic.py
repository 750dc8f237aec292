"""Synthetic graphs whose communities are known."""

from __future__ import annotations

import numpy as np

from archipelago.data.graphs import Graph
from archipelago.errors import ArchipelagoError
from archipelago.randomness import numpy_stream


def planted_partition(nodes: int, mean_degree: float, blocks: int, within: float, seed: int) -> Graph:
    """A planted-partition graph: equal blocks, and a given share of the edges inside them.

    There are exactly ``round(nodes * mean_degree / 2)`` edges, of which ``round(within * edges)`` lie inside blocks.
    One end is uniform over the nodes, the other over the rest of its block (or over the other blocks). Blocks are
    scattered over the node numbers, so that memory order tells nothing of them. Nodes without an edge may occur.

    Args:
        nodes: number of nodes n; block sizes differ by at most one.
        mean_degree: 2 m / n.
        blocks: number of blocks, the classes.
        within: share of the edges inside a block, in [0, 1].
        seed: of the streams "planted blocks" and "planted edges".

    Returns:
        The graph; ``labels`` int64 [n] is the block of each node.

    Raises:
        ArchipelagoError: the blocks are too small, or too few, for that many edges.
    """
    block = np.arange(nodes) % blocks
    block = numpy_stream(seed, "planted blocks").permutation(block)
    total = round(nodes * mean_degree / 2)
    inside = round(total * within)
    sizes = np.bincount(block, minlength=blocks)
    possible_inside = int((sizes * (sizes - 1) // 2).sum())
    possible_between = nodes * (nodes - 1) // 2 - possible_inside
    # Rejection needs room: past one half of all pairs the draws below would mostly repeat themselves.
    if 2 * inside > possible_inside or 2 * (total - inside) > possible_between:
        raise ArchipelagoError(
            f"{inside} edges inside, {total - inside} between {blocks} blocks of {nodes} nodes: over half of all pairs",
            key="planted_partition",
            remedy="Lower mean_degree or blocks, or raise nodes.",
        )

    rng = numpy_stream(seed, "planted edges")
    by_block = np.argsort(block, kind="stable")
    starts = np.cumsum(sizes) - sizes

    def draw(count: int, same: bool) -> np.ndarray:
        """``count`` distinct edges inside blocks (``same``) or between them: codes u * nodes + v, u < v."""
        codes = np.empty(0, dtype=np.int64)
        while len(codes) < count:
            u = rng.integers(nodes, size=2 * count)
            if same:
                v = by_block[starts[block[u]] + rng.integers(sizes[block[u]])]
            else:
                v = rng.integers(nodes, size=2 * count)
            fits = ((block[u] == block[v]) == same) & (u != v)
            low, high = np.minimum(u, v)[fits], np.maximum(u, v)[fits]
            codes = np.concatenate([codes, low * nodes + high])
            codes = codes[np.sort(np.unique(codes, return_index=True)[1])]
        return codes[:count]

    codes = np.sort(np.concatenate([draw(inside, same=True), draw(total - inside, same=False)]))
    edges = np.stack([codes // nodes, codes % nodes], axis=1)
    label_names = np.array([f"block {i}" for i in range(blocks)])
    node_names = np.array([b"%d" % i for i in range(nodes)])
    return Graph("planted_partition", edges, block.astype(np.int64), label_names, node_names)
