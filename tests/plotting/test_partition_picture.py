from __future__ import annotations

from pathlib import Path

import numpy as np

from archipelago.plotting.partitions import _draw, plot_partition

CLIENT_OF = np.array([0, 0, 0, 0, 1, 2, 2, -1])
LABELS = np.array([0, 0, 0, 0, 1, 0, 1, 1])


def test_areas_and_bars_are_counts() -> None:
    bars, bubbles = _draw(CLIENT_OF, LABELS).axes
    assert [bar.get_height() for bar in bars.patches] == [4, 1, 2]
    marks = bubbles.collections[0]
    np.testing.assert_array_equal(marks.get_offsets(), [(0, 0), (1, 1), (2, 0), (2, 1)])
    np.testing.assert_allclose(marks.get_sizes() / marks.get_sizes()[0], [1, 0.25, 0.25, 0.25])


def test_the_picture_is_the_same_every_time(tmp_path: Path) -> None:
    first = plot_partition(CLIENT_OF, LABELS, tmp_path / "one" / "p.svg")
    second = plot_partition(CLIENT_OF, LABELS, tmp_path / "two" / "p.svg")
    assert [path.name for path in first] == ["p.svg", "p.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
