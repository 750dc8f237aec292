from pathlib import Path

import numpy as np
import pytest
import torch

from archipelago.data.cards import load_card
from archipelago.data.graphs import Graph
from archipelago.data.prepare import prepare, verify
from archipelago.data.sets import Images, load
from archipelago.errors import ArchipelagoError

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory; the cards are the project's."""
    monkeypatch.chdir(tmp_path)
    return PROJECT / "config/data"


def test_a_set_that_is_not_prepared_names_the_remedy(project):
    with pytest.raises(ArchipelagoError, match=r"key data: data set 'tiny' is not prepared.*Run `snakemake data`"):
        load("tiny")


def test_images_hold_what_was_prepared(project, originals, arrays, monkeypatch):
    monkeypatch.setenv("ARCHIPELAGO_TINY_FOLDER", str(originals))
    prepare("tiny")
    images = load("tiny")
    assert isinstance(images, Images)
    assert (images.name, images.classes) == ("tiny", 3)
    for name, values in arrays.items():
        tensor = getattr(images, name)
        assert tensor.dtype == (torch.uint8 if "images" in name else torch.int64)
        np.testing.assert_array_equal(tensor.numpy(), values)


def test_writing_to_a_loaded_tensor_leaves_the_file_alone(project, originals, monkeypatch):
    monkeypatch.setenv("ARCHIPELAGO_TINY_FOLDER", str(originals))
    prepare("tiny")
    load("tiny").train_images.zero_()
    verify("tiny")


def test_as_float_standardises(project, originals, monkeypatch):
    monkeypatch.setenv("ARCHIPELAGO_TINY_FOLDER", str(originals))
    prepare("tiny")
    images = load("tiny")
    x = images.as_float(images.test_images)
    assert x.shape == (5, 1, 28, 28)
    assert x.dtype == torch.float32
    torch.testing.assert_close(x.squeeze(1), (images.test_images.float() - 100) / 50)


def test_digits_need_nothing_but_scikit_learn(here):
    prepare("digits", root=here)
    digits = load("digits", root=here)
    assert isinstance(digits, Images)
    assert digits.train_images.shape == (1500, 8, 8)
    assert digits.test_images.shape == (297, 8, 8)
    assert digits.classes == len(digits.train_labels.unique()) == len(digits.test_labels.unique()) == 10
    x = digits.as_float(digits.train_images)
    assert abs(x.mean()) < 1e-4
    assert abs(x.std() - 1) < 1e-3
    rows = torch.cat([digits.train_images, digits.test_images]).flatten(1)
    assert len(rows.unique(dim=0)) > 1790, "the split repeats no image"


@pytest.mark.parametrize(
    "name", ["debian_language_graph", "debian_debtags_graph", "debian_debtags_small", "planted_5k"]
)
def test_graphs_are_what_their_cards_say(here, name):
    prepare(name, root=here)
    graph = load(name, root=here)
    assert isinstance(graph, Graph)
    size = load_card(name, here).size
    assert (graph.nodes, len(graph.edges)) == (size["nodes"], size["edges"])
    assert graph.edges.dtype == np.int64
    assert (graph.edges[:, 0] < graph.edges[:, 1]).all()
    assert len(np.unique(graph.edges, axis=0)) == len(graph.edges)
    assert graph.largest_component().nodes == graph.nodes
    if "classes" in size:
        assert graph.labels.dtype == np.int64
        assert np.bincount(graph.labels).min() > 0
        assert len(graph.label_names) == graph.labels.max() + 1 == size["classes"]
    else:
        assert graph.labels.dtype == bool
        assert graph.labels.shape == (graph.nodes, size["labels"])
        assert graph.labels.any(axis=0).all()
        assert graph.labels.any(axis=1).all()


def test_the_language_graph_is_that_of_the_specification(here):
    prepare("debian_language_graph", root=here)
    graph = load("debian_language_graph", root=here)
    sizes = np.bincount(graph.labels)
    homophily = (graph.labels[graph.edges[:, 0]] == graph.labels[graph.edges[:, 1]]).mean()
    assert (sizes.max(), sizes.min(), round(float(homophily), 2)) == (4526, 229, 0.93)
    python = graph.node_names[graph.labels == list(graph.label_names).index("python")]
    assert b"python3-numpy" in python


@pytest.mark.skipif(not list(PROJECT.glob("data/fashion_mnist-*")), reason="Fashion-MNIST is not prepared")
def test_fashion_mnist_is_whole(monkeypatch):
    monkeypatch.chdir(PROJECT)
    verify("fashion_mnist")
    fashion = load("fashion_mnist")
    assert isinstance(fashion, Images)
    assert fashion.train_images.shape == (60000, 28, 28)
    assert fashion.train_labels.bincount().tolist() == [6000] * 10
    assert fashion.test_labels.bincount().tolist() == [1000] * 10
    x = fashion.train_images.double()
    assert abs(x.mean() - fashion.mean) < 1e-4
    assert abs(x.std(unbiased=False) - fashion.std) < 1e-4
