# Archipelago: data -> partition -> train -> evaluate -> plot -> publish.
# What to make is said in config/config.yaml or with --config; config/README.md documents each key.
import signal
from pathlib import Path

from snakemake.exceptions import WorkflowError

from archipelago.errors import ArchipelagoError
from archipelago.studies.check import check_arms
from archipelago.studies.plan import Plan
from archipelago.studies.premises import begin
from archipelago.studies.study import read_yaml

# A scheduler's warning before the time limit is for the training process; the snakemake around it must not die of it.
signal.signal(signal.SIGUSR1, lambda number, frame: None)

if workflow.exec_mode.name == "DEFAULT" and not workflow.dryrun:
    try:
        begin()
    except ArchipelagoError as error:
        raise WorkflowError(str(error)) from None


# Snakemake is less strict: it takes a key that stands twice.
try:
    read_yaml(Path("config/config.yaml"))
except ArchipelagoError as error:
    raise WorkflowError(str(error)) from None


configfile: "config/config.yaml"


try:
    plan = Plan(config)
    check_arms(plan)
except ArchipelagoError as error:
    raise WorkflowError(str(error)) from None


# Seconds each, and they need what only a login node may have: the internet, the tracking server, git.
localrules:
    all,
    audit,
    prepare,
    publish,
    site,
    track,


rule all:
    default_target: True
    input:
        [study.marker for study in plan.studies],
        [study.tracked(plan.tracking_uri) for study in plan.studies],
        plan.site,


include: "workflow/rules/data.smk"
include: "workflow/rules/partition.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/publish.smk"
