import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from archipelago.data.idx import parse_idx, read_bytes
from archipelago.errors import ArchipelagoError


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.tobytes()


@given(arrays(np.uint8, array_shapes(max_dims=3)))
def test_parse_inverts_the_format(array):
    parsed = parse_idx(idx(array))
    assert parsed.dtype == np.uint8
    np.testing.assert_array_equal(parsed, array)


@given(st.data())
def test_a_truncated_file_is_refused(data):
    content = idx(np.arange(12, dtype=np.uint8).reshape(3, 4))
    cut = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(ArchipelagoError, match="IDX"):
        parse_idx(content[:cut])


def test_other_element_types_are_refused():
    with pytest.raises(ArchipelagoError, match="not an IDX file of unsigned bytes"):
        parse_idx(b"\x00\x00\x0d\x01" + (1).to_bytes(4, "big") + b"\x00" * 4)


def test_compressed_and_plain_files_are_one(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"content"))
    assert read_bytes(tmp_path, "a") == read_bytes(tmp_path, "b") == b"content"


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(ArchipelagoError, match=r"has neither c nor c\.gz"):
        read_bytes(tmp_path, "c")
    (tmp_path / "d.gz").write_bytes(gzip.compress(b"content" * 100)[:-12])
    with pytest.raises(ArchipelagoError, match=r"d\.gz is damaged"):
        read_bytes(tmp_path, "d")
