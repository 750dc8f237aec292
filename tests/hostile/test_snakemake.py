"""The worst of it given to ``snakemake`` itself: one message, no traceback, and nothing is left behind."""

import pytest
import yaml

from tests.hostile.test_yaml import TITLE, TRICKS
from tests.pipeline.conftest import copy_project

STUDY, CONFIG, CARD = "config/studies/tiny.yaml", "config/config.yaml", "config/data/digits.yaml"
METHOD = "src/archipelago/methods/federated/fedprox.py"
CLASS = "archipelago.methods.federated.fedavg.FedAvg"
MINE = "!!python/object/apply:os.mkdir [sprung]"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project in which nothing has run; tests leave it as they found it."""
    return copy_project(tmp_path_factory.mktemp("hostile") / "project")


def refused(project, message, *arguments):
    """What ``snakemake -n`` says, which is this and no more than a few lines."""
    before = {path for path in project.root.rglob("*") if ".cache" not in path.parts and ".snakemake" not in path.parts}
    told = project.snakemake("--dry-run", *arguments, ok=False)
    after = {path for path in project.root.rglob("*") if ".cache" not in path.parts and ".snakemake" not in path.parts}
    assert message in told, told[-3000:]
    assert "Traceback" not in told
    assert len(told.splitlines()) < 12, told
    assert {path for path in after - before if "__pycache__" not in path.parts} == set()
    assert not (project.root / "sprung").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        (STUDY, TITLE, TRICKS["an object of Python"], "study tiny: config/studies/tiny.yaml is not valid YAML"),
        (STUDY, TITLE, TRICKS["a thousand million laughs"], "study tiny: config/studies/tiny.yaml is not valid YAML"),
        (STUDY, TITLE, TRICKS["an alias within its mapping"], "study tiny: config/studies/tiny.yaml is not valid YAML"),
        (STUDY, CLASS, "os.system", "study tiny: key arms.fedavg.method.class_path: 'os.system' is not allowed"),
        (STUDY, CLASS, f"{CLASS[:-6]}Client", "study tiny: key arms.fedavg.method.class_path: "),
        (STUDY, "mu: 1.0}}}\n", "mu: -.inf}}}\n", "study tiny: key arms.fedprox.method.init_args.mu: -inf is not"),
        (STUDY, "mu: 1.0}}}\n", 'mu: "1.0"}}}\n', "study tiny: key arms.fedprox.method.init_args.mu: '1.0' is not"),
        (STUDY, "mu: 1.0}}}\n", "mu: -1.0}}}\n", "study tiny: key arms.fedprox.method.init_args.mu:"),
        (STUDY, "data: digits", "data: ../../x", "study tiny: key base.data: '../../x' is not allowed"),
        (STUDY, "skewed: {", '"../../x": {', "study tiny: key conditions: '../../x' is not allowed"),
        (STUDY, "rounds: 6", f"rounds: {10**30}", "study tiny: key base.rounds"),
        (CARD, "test_images.npy", "../../x.npy", "study tiny: key data: config/data/digits.yaml: files"),
        (METHOD, "class FedProx", "class = FedProx", "study tiny: key code: "),
        (METHOD, "class FedProx", "1 / 0\n\n\nclass FedProx", "study tiny: key arms.fedprox.method"),
        (CONFIG, "scale: desk", f"scale: {MINE}", "config/config.yaml is not valid YAML"),
        (
            CONFIG,
            "scale: desk",
            f"scale: desk\n{TRICKS['a thousand million laughs']}",
            "config/config.yaml is not valid YAML",
        ),
        (CONFIG, "scale: desk", "scale: desk\nscale: paper", "config/config.yaml is not valid YAML"),
    ],
)
def test_a_file_is_refused(project, path, old, new, message):
    before = (project.root / path).read_text()
    project.edit(path, old, new)
    try:
        refused(project, message)
    finally:
        (project.root / path).write_text(before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("studies=../../x", "key studies: there is no study '../../x'"),
        ("arms=[../../x,fedavg]", "study tiny: key arms: there is no '../../x'"),
        ("scale=../../x", "study tiny: key scales: there is no scale '../../x'"),
        (f"scale={MINE}", "scale"),
        ("seeds=[-1]", "key seeds.0"),
        (f"tracking={yaml.safe_dump({'uri': 'sqlite:////x.db'}, default_flow_style=True).strip()}", "key tracking.uri"),
    ],
)
def test_a_word_on_the_command_line_is_refused(project, word, message):
    refused(project, message, "--config", word)
