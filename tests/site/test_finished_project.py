"""A project in which the main job has run: from its pages back to the commit, with all of it here, changed, or gone."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from archipelago.studies.history import History
from archipelago.studies.told import told
from archipelago.studies.trace import View, trace
from tests.pipeline.conftest import Project, copy_project
from tests.site.numbers import numbers

pytestmark = pytest.mark.slow

NAME = "flagship/tiny"


def git(project: Project, *words: str) -> str:
    """Run git in a project, as somebody."""
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    return subprocess.run(["git", *who, *words], cwd=project.root, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A repository in which the main job has run."""
    project = copy_project(tmp_path_factory.mktemp("finished") / "project")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "All of it"]):
        git(project, *words)
    project.snakemake()
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy that a test may change."""
    return Project(shutil.copytree(finished.root, tmp_path / "project", symlinks=True))


@pytest.fixture
def view(project: Project) -> Iterator[View]:
    with History(project.root) as history:
        yield View(NAME, history)


def test_every_number_leads_to_its_runs_the_commit_and_everything_else(finished: Project):
    head = git(finished, "rev-parse", "HEAD").strip()
    site = finished.root / "results/store/site/flagship"
    with History(finished.root) as history:
        view = View(NAME, history)
        shown = [number for name in ("index.html", "tiny.html") for number in numbers(site / name)]
        assert len(shown) > 10
        for number in shown:
            target, *words = number.words
            assert target == NAME
            options = dict(zip((word[2:] for word in words[::2]), words[1::2], strict=False))
            found = view.cells(**options) if options else view.hypothesis(words[0])
            texts = {text for one in found["numbers"] for text in (one["shown"], f"{one['shown']} ({one['n']})")}
            texts |= {str(one["n"]) for one in found["numbers"]}
            assert number.text in texts or "claimed" in number.text, number
            for run in found["runs"]:
                assert run["state"] == "this checkout"
                assert run["here"]["key"] == run["key"]
                assert run["code"]["commit"] == head
                assert run["code"]["confirmed"] is True
                assert run["code"]["dirty"] is False
                assert run["records"] is True
                assert all(run["files"].values())
                assert run["partition"]["here"]
                assert run["data"]["here"]


def test_the_command_walks_from_a_name_and_from_a_key_and_hashes_on_request(project: Project):
    walked = json.loads(project.run("archipelago", "trace", NAME, "H1", "--json"))
    assert walked["verdict"] in ("supported", "refuted", "inconclusive")
    run = walked["runs"][0]
    text = project.run("archipelago", "trace", run["key"][:8], "--verify")
    for shown in (
        f"shown      {NAME} as",
        run["key"],
        "its records are the table's rows",
        "class_path: archipelago.methods.federated.",
        f"trained at commit {run['code']['commit']}, which gives the run's key",
        "archipelago.studies.train ",
        ".npz: made again, the same",
        f"digits {run['data']['checksum']}",
        "hashed, sound",
    ):
        assert shown in text, shown
    damaged = project.root / run["data"]["folder"] / "test_labels.npy"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\7")
    shutil.copy(project.root / walked["runs"][1]["partition"]["file"], project.root / run["partition"]["file"])
    text = project.run("archipelago", "trace", run["key"], "--verify")
    assert "hashed, NOT SOUND: " in text
    assert "test_labels.npy is changed" in text
    assert "made again, ANOTHER" in text
    assert "no runs have a key that begins with 'fefe1'" in project.run("archipelago", "trace", "fefe1", ok=False)


def test_a_later_checkout_tells_what_it_would_make_otherwise(project: Project, view: View):
    head = git(project, "rev-parse", "HEAD").strip()
    project.edit("src/archipelago/methods/federated/fedprox.py", "alpha=self.mu", "alpha=self.mu * 2")
    project.edit("config/studies/tiny.yaml", "rounds: 6", "rounds: 12")
    git(project, "commit", "-q", "-a", "-m", "Another penalty")
    found = view.hypothesis("H1")
    assert all(one["same"] for one in found["numbers"])
    by_arm = {run["arm"]: run for run in found["runs"]}
    for arm, modules in (("fedavg", []), ("fedprox", ["archipelago.methods.federated.fedprox"])):
        run = by_arm[arm]
        assert run["state"] == f"commit {head[:12]}"
        assert run["here"]["key"] != run["key"]
        assert list(run["here"]["modules"]) == modules
        assert run["here"]["config"] == {"rounds": [6, 12]}
        assert run["config"]["spec"]["rounds"] == 6
    text = told(found)
    assert f"config/studies/tiny.yaml of commit {head[:12]}" in text
    assert "this checkout gives 6 of them other keys" in text
    assert "module archipelago.methods.federated.fedprox: " in text


def test_without_the_store_the_view_and_git_tell_all_but_the_files(project: Project, view: View):
    head = git(project, "rev-parse", "HEAD").strip()
    shutil.rmtree(project.root / "results/store")
    project.edit("src/archipelago/methods/federated/fedavg.py", '"""The trained model."""', '"""What was trained."""')
    (run, *_) = view.cells("fedavg", "plain", 1)["runs"]
    assert run["state"] == "this checkout"  # words change nothing
    assert run["code"]["commit"] == head
    assert run["code"]["confirmed"] is True
    assert not any(run["files"].values())
    assert run["records"] is None
    assert run["partition"]["here"] is False


def test_without_git_too_what_is_not_known_is_said(project: Project, view: View):
    shutil.rmtree(project.root / "results/store")
    shutil.rmtree(project.root / ".git")
    project.edit("src/archipelago/methods/federated/fedavg.py", "return client", "return 2 * client")
    (run, *_) = view.cells("fedavg", "plain", 1)["runs"]
    assert run["state"] is None
    assert run["config"]["spec"] is None
    assert run["code"]["confirmed"] is None
    assert list(run["here"]["modules"]) == ["archipelago.methods.federated.fedavg"]  # the view tells what there was
    assert len(run["data"]["checksum"]) == 64
    text = told(view.cells("fedavg", "plain", 1))
    assert "the specification is not known" in text
    assert "is not known to git here" in text
    assert "it was trained with jsonargparse " in text


def test_records_that_are_not_the_tables_rows_are_told(project: Project, view: View):
    row, other = view.rows[:2]
    runs = project.root / "results/store/runs"
    shutil.copy(runs / other["key"] / "records.parquet", runs / row["key"] / "records.parquet")
    found = view.cells(row["arm"], row["condition"], row["seed"])
    assert found["runs"][0]["records"] is False
    assert "ITS RECORDS ARE NOT THE TABLE'S ROWS" in told(found)


def test_a_run_that_only_the_store_knows_is_told_as_far_as_it_goes(project: Project):
    key = next((project.root / "results/store/runs").iterdir()).name
    shutil.rmtree(project.root / "results/flagship")
    project.edit("config/config.yaml", "- tiny", "- other")
    project.edit("config/studies/tiny.yaml", "slug: tiny", "slug: other")
    project.edit("config/studies/tiny.yaml", "rounds: 6", "rounds: 12")
    (project.root / "config/studies/tiny.yaml").rename(project.root / "config/studies/other.yaml")
    found = trace(key, root=project.root)
    assert found["shown"] == []
    (run,) = found["runs"]
    assert run["config"]["spec"]["rounds"] == 6
    assert len(run["code"]["commit"]) == 40
    assert run["records"] is None
    assert "of an unknown study" in told(found)


def test_the_report_of_snakemake_shows_the_figure_and_asks_nobody(finished: Project, browser: Browser):
    finished.snakemake("--report", "report.html")
    context = browser.new_context()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    address = (finished.root / "report.html").as_uri()
    page.goto(address)
    for text in ("Results", "What was claimed, what was measured"):
        page.get_by_text(text).first.click()
    page.locator("a[iconname=eye]").first.click()
    page.wait_for_function("[...document.images].some(i => i.naturalWidth > 400)")
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [address]
    context.close()
