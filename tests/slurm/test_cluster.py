"""The cluster of the tests keeps out of the way of a real one."""

import pytest

from tests.slurm import cluster


def test_a_machine_that_belongs_to_a_slurm_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "PLACE", tmp_path)
    (tmp_path / "slurm.conf").write_text("ClusterName=real")
    refused = (pytest.skip.Exception, pytest.fail.Exception)
    with pytest.raises(refused, match=r"slurm\.conf is of another Slurm"), cluster.cluster(tmp_path / "ours"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["slurm.conf"]
