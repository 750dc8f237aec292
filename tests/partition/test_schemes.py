import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archipelago.errors import ArchipelagoError
from archipelago.partition.schemes import IID, Dirichlet


def rng(seed):
    return np.random.default_rng(seed)


@given(samples=st.integers(1, 300), clients=st.integers(1, 20), seed=st.integers(0, 99))
def test_iid_hands_out_every_sample_evenly(samples, clients, seed):
    client_of = IID().assign(np.zeros(samples, dtype=int), clients, rng(seed))
    assert client_of.dtype == np.int32
    sizes = np.bincount(client_of, minlength=clients)
    assert sizes.sum() == samples
    assert len(sizes) == clients
    assert sizes.max() - sizes.min() <= 1


@settings(deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=40, max_size=200),
    clients=st.integers(1, 5),
    alpha=st.floats(0.5, 100),
    seed=st.integers(0, 99),
)
def test_dirichlet_hands_out_every_sample_once_and_enough_to_each(labels, clients, alpha, seed):
    client_of = Dirichlet(alpha, min_samples=2).assign(np.array(labels), clients, rng(seed))
    assert client_of.dtype == np.int32
    assert client_of.shape == (len(labels),)
    sizes = np.bincount(client_of, minlength=clients)
    assert len(sizes) == clients
    assert sizes.min() >= 2


@pytest.mark.parametrize("alpha", [0.1, 0.3, 1.0, 10.0])
def test_dirichlet_has_the_moments_of_the_textbook(alpha):
    """A client's share of a class has mean 1/C and variance (1/C)(1 - 1/C) / (C alpha + 1).

    2,000 classes of 1,000 samples; the bounds are six standard errors, those of the variance estimated from the draws.
    """
    classes, size, clients = 2000, 1000, 5
    labels = np.repeat(np.arange(classes), size)
    client_of = Dirichlet(alpha).assign(labels, clients, rng(0))
    counts = np.zeros((classes, clients))
    np.add.at(counts, (labels, client_of), 1)
    shares = counts[:, 0] / size
    mean, variance = 1 / clients, (1 / clients) * (1 - 1 / clients) / (clients * alpha + 1)
    squares = (shares - mean) ** 2
    assert abs(shares.mean() - mean) < 6 * np.sqrt(variance / classes)
    assert abs(squares.mean() - variance) < 6 * squares.std() / np.sqrt(classes)


def test_dirichlet_treats_classes_apart_and_samples_of_a_class_alike():
    """Shares of two classes are uncorrelated, and which samples of a class a client gets is not their order."""
    labels = np.tile(np.repeat([0, 1], 50), 1)
    shares, first = [], []
    for seed in range(1500):
        client_of = Dirichlet(0.5, min_samples=0).assign(labels, 2, rng(seed))
        shares.append([(client_of[labels == k] == 0).mean() for k in (0, 1)])
        first.append([client_of[0], client_of[49]])
    assert abs(np.corrcoef(np.array(shares).T)[0, 1]) < 6 / np.sqrt(1500)
    assert np.abs(np.mean(first, axis=0) - 0.5).max() < 6 * 0.5 / np.sqrt(1500)


def test_classes_may_have_any_names():
    labels = np.array([7, -3, 7, 100] * 25)
    plain = np.array([1, 0, 1, 2] * 25)
    one, other = (Dirichlet(1.0).assign(values, 3, rng(0)) for values in (labels, plain))
    np.testing.assert_array_equal(one, other)


def test_dirichlet_is_a_function_of_the_generator():
    labels = np.arange(1000) % 10
    one, again, other = (Dirichlet(0.3).assign(labels, 8, rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_too_few_samples_are_an_error_with_a_remedy():
    with pytest.raises(ArchipelagoError, match=r"Dirichlet\(0\.01\).*each of 20 clients 1 of 40 samples.*Raise alpha"):
        Dirichlet(0.01).assign(np.arange(40) % 2, 20, rng(0))


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan")])
def test_alpha_must_be_positive(alpha):
    with pytest.raises(ArchipelagoError, match=r"init_args\.alpha"):
        Dirichlet(alpha)
