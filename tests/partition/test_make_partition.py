import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archipelago.errors import ArchipelagoError
from archipelago.partition import make
from archipelago.partition.make import make_partition, stratified_subset
from archipelago.partition.partition import Partition

DIRICHLET = {"class_path": "archipelago.partition.schemes.Dirichlet", "init_args": {"alpha": 0.5}}
IID = {"class_path": "archipelago.partition.schemes.IID"}
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 100))


@settings(deadline=None)
@given(
    samples=st.integers(20, 1000),
    clients=st.integers(1, 5),
    seed=st.integers(0, 99),
    scheme=st.sampled_from([IID, DIRICHLET]),
)
def test_every_sample_at_most_once_and_exactly_as_many_as_asked(samples, clients, seed, scheme):
    partition = make_partition({"scheme": scheme, "clients": clients, "samples": samples}, LABELS, seed)
    assert partition.client_of.dtype == np.int32
    assert partition.sizes().sum() == samples
    assert partition.sizes().shape == (clients,)
    parts = [partition.indices(client) for client in range(clients)]
    for client, part in enumerate(parts):
        assert len(part) == partition.sizes()[client]
        assert (np.diff(part) > 0).all()
        assert (partition.client_of[part] == client).all()
    held = np.concatenate(parts)
    assert len(np.unique(held)) == len(held) == samples


@given(
    labels=st.lists(st.integers(0, 5), min_size=1, max_size=80),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_a_subset_is_stratified_by_largest_remainder(labels, share, seed):
    labels = np.array(labels)
    n, samples = len(labels), int(share * len(labels))
    subset = stratified_subset(labels, samples, np.random.default_rng(seed))
    assert len(np.unique(subset)) == len(subset) == samples
    classes, sizes = np.unique(labels, return_counts=True)
    got = np.array([(labels[subset] == k).sum() for k in classes])
    exact = [(samples * int(size)) // n for size in sizes]
    remainder = [(samples * int(size)) % n for size in sizes]
    ranked = sorted(range(len(classes)), key=lambda k: (-remainder[k], k))[: samples - sum(exact)]
    assert got.tolist() == [exact[k] + (k in ranked) for k in range(len(classes))]


def test_a_subset_is_uniform_within_a_class():
    labels = np.array([0] * 10 + [1] * 10)
    chosen = np.zeros(20)
    for seed in range(1000):
        chosen[stratified_subset(labels, 6, np.random.default_rng(seed))] += 1
    assert np.abs(chosen / 1000 - 0.3).max() < 6 * np.sqrt(0.3 * 0.7 / 1000)


def test_the_seed_decides_and_the_subset_is_shared_by_schemes():
    spec = {"scheme": DIRICHLET, "clients": 4, "samples": 500}
    one, again, other = (make_partition(spec, LABELS, seed) for seed in (1, 1, 2))
    assert one.checksum == again.checksum != other.checksum
    np.testing.assert_array_equal(one.client_of, again.client_of)
    iid = make_partition({**spec, "scheme": IID}, LABELS, 1)
    np.testing.assert_array_equal(iid.client_of >= 0, one.client_of >= 0)
    assert not np.array_equal(one.client_of >= 0, other.client_of >= 0)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"samples": 1001}, "1001 samples of 1000"),
        ({"clients": 0}, "0 clients"),
        ({"clients": 30, "samples": 20}, "30 clients, 20 samples"),
        ({"sample": 10}, "the keys are clients, sample, scheme"),
        ({"scheme": {"class_path": "archipelago.partition.schemes.Dirichlett"}}, r"class_path: there is no scheme"),
        ({"scheme": {"class_path": "nowhere.at.All"}}, r"class_path: there is no scheme 'nowhere\.at\.All'"),
        ({"scheme": {**DIRICHLET, "init_args": {"beta": 1}}}, r"init_args: .*does not take these arguments"),
    ],
)
def test_mistakes_in_a_specification_are_named(change, complaint):
    with pytest.raises(ArchipelagoError, match=complaint):
        make_partition({"scheme": DIRICHLET, "clients": 4} | change, LABELS, 0)


def test_a_partition_survives_its_file(tmp_path):
    partition = make_partition({"scheme": DIRICHLET, "clients": 4, "samples": 300}, LABELS, 3)
    path = tmp_path / "store/p.npz"
    partition.save(path)
    loaded = Partition.load(path)
    np.testing.assert_array_equal(loaded.client_of, partition.client_of)
    assert loaded.client_of.dtype == np.int32
    assert (loaded.clients, loaded.checksum) == (4, partition.checksum)
    assert [file.name for file in path.parent.iterdir()] == ["p.npz"]


def test_equal_partitions_are_equal_files_at_any_time(tmp_path):
    partition = make_partition({"scheme": IID, "clients": 4}, LABELS, 3)
    partition.save(tmp_path / "a.npz")
    Partition(partition.client_of.copy(), 4).save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


class ByClass:
    """Client k holds class k, in both sets."""

    def assign_both(self, labels, test_labels, clients, rng):
        return labels.astype(np.int32) % clients, test_labels.astype(np.int32) % clients


def test_a_scheme_may_hand_out_test_samples_too(tmp_path, monkeypatch):
    monkeypatch.setattr(make, "make_scheme", lambda spec: ByClass())
    spec = {"scheme": {}, "clients": 3}
    partition = make_partition(spec, LABELS, 3, test_labels=LABELS[:7])
    assert partition.test_client_of.tolist() == (LABELS[:7] % 3).tolist()
    partition.save(tmp_path / "p.npz")
    again = Partition.load(tmp_path / "p.npz")
    assert again.test_client_of.tolist() == partition.test_client_of.tolist()
    assert again.checksum == partition.checksum != Partition(partition.client_of, 3).checksum
    with pytest.raises(ArchipelagoError, match=r"partition\.samples: this scheme says itself"):
        make_partition({**spec, "samples": 5}, LABELS, 3, test_labels=LABELS[:7])


def test_checksum_sees_clients_that_hold_nothing():
    table = np.array([0, 1, 0, -1], dtype=np.int32)
    assert Partition(table, 2).checksum != Partition(table, 3).checksum
    assert Partition(table, 3).sizes().tolist() == [2, 1, 0]
    assert [Partition(table, 3).indices(client).tolist() for client in range(3)] == [[0, 2], [1], []]


@pytest.mark.parametrize(
    "content",
    [
        {"client_of": np.array([0, 1])},
        {"client_of": np.array([0, 1]), "clients": np.int64(2)},
        {"client_of": np.array([[0, 1]], dtype=np.int32), "clients": np.int64(2)},
        {"client_of": np.array([0, 2], dtype=np.int32), "clients": np.int64(2)},
        {"client_of": np.array([0, -2], dtype=np.int32), "clients": np.int64(2)},
        {"client_of": np.array([], dtype=np.int32), "clients": np.int64(2)},
        {"client_of": np.array([0, 1], dtype=np.int32), "clients": np.array([2])},
        {"client_of": np.array([0, 1], dtype=object), "clients": np.int64(2)},
    ],
)
def test_a_file_that_holds_no_partition_is_refused(tmp_path, content):
    path = tmp_path / "p.npz"
    np.savez(path, **content)
    with pytest.raises(ArchipelagoError, match=r"key partition: .*p\.npz.*dvc pull"):
        Partition.load(path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off", None])
def test_a_damaged_or_missing_file_is_named(tmp_path, content):
    path = tmp_path / "p.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ArchipelagoError, match=r"cannot read a partition from .*p\.npz"):
        Partition.load(path)
