"""Each baseline against what its paper defines, on a graph where that can be formed explicitly."""

import numpy as np
import pytest
import torch

from archipelago.data.graphs import Graph
from archipelago.errors import ArchipelagoError
from archipelago.methods.graphs import netmf
from archipelago.methods.graphs.gaussian import GaussianNoise
from archipelago.methods.graphs.line import Line2
from archipelago.methods.graphs.netmf import NetMF
from archipelago.methods.graphs.randne import RandNE
from archipelago.methods.graphs.spectral import LaplacianEigenmaps


def transition(graph: Graph) -> np.ndarray:
    a = graph.adjacency().toarray()
    return a / a.sum(axis=1, keepdims=True)


def test_line_ascends_the_gradient_of_its_objective(graph: Graph) -> None:
    method = Line2(dim=8, seed=1)
    method.take(graph, 1)
    method.contexts.normal_(generator=torch.Generator().manual_seed(0))
    u, c = method.embedding.clone().requires_grad_(), method.contexts.clone().requires_grad_()
    source, candidates = torch.tensor([3, 7, 3]), torch.tensor([[1, 4, 4], [2, 9, 1], [5, 0, 8]])
    signs = torch.tensor([1.0, -1.0, -1.0])
    torch.nn.functional.logsigmoid(signs * (u[source][:, None, :] * c[candidates]).sum(2)).sum().backward()
    method.ascend(source, candidates, 0.1)
    torch.testing.assert_close(method.embedding, u.detach() + 0.1 * u.grad)
    torch.testing.assert_close(method.contexts, c.detach() + 0.1 * c.grad)


def test_line_brings_nodes_with_the_same_neighbours_together(graph: Graph) -> None:
    method = Line2(dim=8, lr=0.1, batch=16, seed=1)
    method.take(graph, 60)
    u = method.embed()
    torch.testing.assert_close(u.norm(dim=1), torch.ones(50))
    same = torch.from_numpy(graph.labels)[:, None] == torch.from_numpy(graph.labels)
    assert (u @ u.T)[same].mean() > (u @ u.T)[~same].mean() + 0.1


def test_netmf_factorises_the_matrix_of_deepwalk(graph: Graph) -> None:
    method = NetMF(dim=6, window=3, eigenpairs=49, seed=1)
    method.take(graph, 1)
    degree, t = graph.adjacency().toarray().sum(axis=1), transition(graph)
    powers = sum(np.linalg.matrix_power(t, r) for r in (1, 2, 3)) / 3
    # Algorithm 4 leaves the negative part of the spectrum out; so does this reference.
    values, vectors = np.linalg.eigh(np.sqrt(degree)[:, None] * powers / np.sqrt(degree))
    positive = (vectors * np.maximum(values, 0)) @ vectors.T
    matrix = np.log(np.maximum(1, degree.sum() * positive / np.sqrt(np.outer(degree, degree))))
    left, singular, _ = np.linalg.svd(matrix)
    expected = (left[:, :6] * singular[:6]) @ left[:, :6].T
    u = method.embed().double().numpy()
    np.testing.assert_allclose(u @ u.T, expected, atol=2e-3 * singular[0])


def test_netmf_refuses_a_graph_whose_matrix_does_not_fit(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netmf, "MOST_NODES", 40)
    with pytest.raises(ArchipelagoError, match="50 x 50"):
        NetMF(seed=1).take(graph, 1)


def test_eigenmaps_are_the_slowest_modes_of_the_walk_without_the_constant_one(graph: Graph) -> None:
    method = LaplacianEigenmaps(dim=4, seed=1)
    method.take(graph, 1)
    u, t = method.embed().double().numpy(), transition(graph)
    slowest = np.sort(np.linalg.eigvals(t).real)[::-1][1:5]
    np.testing.assert_allclose(t @ u, u * slowest, atol=1e-3)
    np.testing.assert_allclose(np.ptp(u, axis=0) > 1e-3, True)


def test_randne_weighs_powers_of_an_orthogonal_projection(graph: Graph) -> None:
    weights = (1.0, 2.0, 3.0)
    method = RandNE(dim=8, weights=weights, seed=1)
    method.take(graph, 2)
    u = method.embed().double().numpy()
    t = transition(graph)
    polynomial = weights[0] * np.eye(50) + weights[1] * t + weights[2] * t @ t
    basis = np.linalg.solve(polynomial, method.embedding.double().numpy())
    np.testing.assert_allclose(basis.T @ basis, np.eye(8), atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(u, axis=1), 1, rtol=1e-5)


def test_noise_is_standard_normal(graph: Graph) -> None:
    method = GaussianNoise(dim=200, seed=1)
    method.take(graph, 1)
    u = method.embed()
    assert abs(u.mean()) < 0.03
    assert abs(u.std() - 1) < 0.03
