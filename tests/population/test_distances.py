"""Distances from one Gram matrix."""

import torch

from archipelago.population.distances import deviation, gram, spread, squared_distances


def test_distances_are_those_of_the_rows() -> None:
    rows = torch.randn(7, 50, generator=torch.Generator().manual_seed(0))
    expected = (rows.double().unsqueeze(1) - rows.double().unsqueeze(0)).square().sum(-1)
    torch.testing.assert_close(squared_distances(gram(rows)), expected)


def test_a_near_tie_far_from_the_origin_is_decided_in_float64() -> None:
    """In float32 the squared norms (1e8) could not even hold the distances, let alone tell them apart."""
    rows = torch.full((3, 10_000), 100.0)
    rows[1, 0] += 0.010
    rows[2, 0] += 0.011
    distances = squared_distances(gram(rows))[0].sqrt()
    assert distances[0] == 0
    torch.testing.assert_close(distances[1:], (rows[1:, 0] - rows[0, 0]).double(), atol=1e-4, rtol=0)
    assert distances[1] < distances[2]


def test_spread_and_deviation() -> None:
    rows = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 4.0]])
    torch.testing.assert_close(spread(rows).item(), (4 + 1 + 0 + 1 + 4 + 4) / 3)
    torch.testing.assert_close(deviation(rows), rows.std(0))
