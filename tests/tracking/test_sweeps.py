"""A sweep whose tracking server is down: its results are complete, and what was not logged is logged later."""

import subprocess
import time

import pandas as pd
import pytest
import yaml

from tests.pipeline.conftest import Project, project
from tests.tracking.servers import PASSWORD, Server
from tests.tracking.writers import held

__all__ = ["project"]

pytestmark = pytest.mark.slow

STUDIES = ["tiny", "twin"]


def configure(project: Project, uri: str, wait: float):
    path = project.root / "config/config.yaml"
    tracking = {"uri": uri, "wait_seconds": wait}
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "flagship": STUDIES, "tracking": tracking}))


def attempts(project: Project) -> list[int]:
    """How often each study's logging has tried again."""
    logs = (project.root / "results/logs/track").glob("*.log")
    return sorted(log.read_text().count("trying again") for log in logs)


def test_a_server_that_is_down_costs_no_result_and_gets_all_when_it_is_back(project: Project, server: Server):
    tiny = (project.root / "config/studies/tiny.yaml").read_text()
    (project.root / "config/studies/twin.yaml").write_text(tiny.replace("slug: tiny", "slug: twin"))
    # A server without accounts takes any.
    uri = server.uri.replace("//", f"//somebody:{PASSWORD}@")
    server.kill()
    try:
        configure(project, uri, wait=3)
        told = project.snakemake(ok=False)
        for slug in STUDIES:
            assert told.count(f"error: study {slug}: key tracking.uri: the tracking store {server.uri} cannot be") == 1
            view = project.root / "results/flagship" / slug
            assert {path.name for path in view.glob("*.*")} >= {"runs.parquet", "verdicts.json", "accuracy.svg"}
        assert "Start the server or change the setting, then give the same command again" in told
        assert "Traceback" not in told
        assert PASSWORD not in told
        assert (project.root / "results/store/site/flagship/index.html").exists()
        assert project.jobs() == {"track"}
        first, second = attempts(project)
        assert first == 0, "one study has waited for both"
        assert second > 0

        configure(project, uri, wait=600)
        for log in (project.root / "results/logs/track").iterdir():
            log.unlink()
        command = ["snakemake", "--cores", "2"]
        with subprocess.Popen(command, cwd=project.root, env=project.environment) as sweep:
            while not any(attempts(project)):
                assert sweep.poll() is None
                time.sleep(0.2)
            server.start()
            assert sweep.wait(600) == 0
    finally:
        if not server.process:
            server.start()
    assert project.jobs() == set()
    assert not any(PASSWORD in path.read_text() for path in (project.root / "results/logs/track").iterdir())
    shown = held(server.database, [server.artifacts])
    for slug in STUDIES:
        runs = shown[f"<slug>/flagship of {slug}"]
        assert len({name for name, *_ in runs}) == len(runs) == 9
        assert {status for _, status, *_ in runs} == {"FINISHED"}
        table = pd.read_parquet(project.root / "results/flagship" / slug / "runs.parquet")
        assert {dict(tags)["run_key"] for _, _, _, tags, *_ in runs} >= set(table["key"])
        (figures,) = [dict(files) for *_, files in runs if files]
        assert {"figures/accuracy.png", "figures/effects.png", "verdicts/verdicts.json"} <= set(figures)
