import numpy as np
import pytest

from archipelago.data.debian import debtags_graph, dependencies, language_graph, parse_index, sampled_graph, tags
from archipelago.data.graphs import Graph, distinct_edges

INDEX = """Package: python3-b
Section: python
Depends: python3-a (>= 1.0) | python3-virtual, libc6:any, perl-c
Tag: role::program, devel::lang:python, suite::gnu,
 use::editing, special::meta

Package: python3-a
Section: python
Suggests: python3-b

Package: perl-c
Section: perl
Recommends: nothing-here|sound-d [amd64]

Package: sound-d
Section: sound
Pre-Depends: sound-d

Package: kde-lonely
Section: kde
Description: Depends: python3-a

Package: libc6
Section: libs
"""


def test_fields_over_several_lines_are_joined():
    packages = parse_index(INDEX)
    assert list(packages) == sorted(packages)
    assert packages["python3-b"]["Tag"].endswith("suite::gnu, use::editing, special::meta")
    assert tags(packages["python3-b"]) == {"role::program", "use::editing"}
    assert packages["kde-lonely"]["Description"] == "Depends: python3-a"


def test_all_alternatives_are_named_without_versions():
    packages = parse_index(INDEX)
    found = [name for name in dependencies(packages["python3-b"]) if name]
    assert found == ["python3-a", "python3-virtual", "libc6", "perl-c"]
    assert [name for name in dependencies(packages["perl-c"]) if name] == ["nothing-here", "sound-d"]


def test_language_graph_is_the_largest_component_over_its_sections():
    graph = language_graph(parse_index(INDEX))
    names = graph.node_names.astype(str).tolist()
    assert names == ["perl-c", "python3-a", "python3-b", "sound-d"]
    joined = {tuple(sorted((names[u], names[v]))) for u, v in graph.edges}
    assert joined == {("python3-a", "python3-b"), ("perl-c", "python3-b"), ("perl-c", "sound-d")}
    assert graph.label_names[graph.labels].tolist() == ["perl", "python", "python", "sound"]


def test_debtags_graph_keeps_tags_of_middling_frequency():
    frequency = {"rare::tag": 9, "middle::tag": 300, "common::tag": 4100}
    stanzas = [
        f"Package: p{i:04}\nDepends: p{i + 1:04}\nTag: {', '.join(tag for tag in frequency if i < frequency[tag])}"
        for i in range(4100)
    ]
    graph = debtags_graph(parse_index("\n\n".join(stanzas)))
    assert graph.label_names.tolist() == ["middle::tag"]
    assert graph.labels.shape == (300, 1)
    assert len(graph.edges) == 299
    sample = sampled_graph(graph, 250)
    assert sample.nodes < 250
    assert sample.name == "debian_debtags_small"
    assert len(sample.edges) == sample.nodes - 1, "a component of a path is a path"


@pytest.fixture
def graph():
    """A triangle, an edge and a lonely node."""
    edges = np.array([[0, 4], [1, 3], [1, 5], [3, 5]])
    names = np.array([b"a", b"b", b"c", b"d", b"e", b"f"])
    return Graph("g", edges, np.array([0, 1, 2, 0, 1, 2]), np.array(["x", "y", "z"]), names)


def test_adjacency_is_symmetric(graph):
    a = graph.adjacency()
    assert a.dtype == np.float64
    dense = a.toarray()
    np.testing.assert_array_equal(dense, dense.T)
    assert [tuple(pair) for pair in np.argwhere(np.triu(dense))] == [(0, 4), (1, 3), (1, 5), (3, 5)]
    assert set(np.unique(dense)) == {0.0, 1.0}


def test_largest_component_keeps_labels_with_their_nodes(graph):
    component = graph.largest_component()
    np.testing.assert_array_equal(component.edges, [[0, 1], [0, 2], [1, 2]])
    assert component.node_names.tolist() == [b"b", b"d", b"f"]
    assert component.labels.tolist() == [1, 0, 2]


def test_distinct_edges_drops_loops_and_repeats():
    pairs = np.array([[2, 1], [1, 2], [3, 3], [0, 5], [2, 1]])
    np.testing.assert_array_equal(distinct_edges(pairs), [[0, 5], [1, 2]])
