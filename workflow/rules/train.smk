# A rule for every batch: its runs are trained by one process, and each run keeps its own address.
# update(): a run that is there stays there, whatever happens to the others of its batch.
for batch in plan.batches:

    rule:
        name:
            batch.name
        input:
            [ancient(path) for path in batch.inputs],
        output:
            [update(run.records) for run in batch.runs],
        log:
            f"results/logs/train/{batch.name}.log",
        conda:
            "../../environment.yml"
        threads: batch.resources["threads"]
        resources:
            mem_mb=batch.resources["mem_mb"],
            runtime=batch.resources["runtime"],
            gpu=batch.resources["gpu"],
        params:
            orders=[run.order() for run in batch.runs],
            study=batch.study.slug,
            checkpoint_every=config["checkpoint_seconds"],
        script:
            "../scripts/train.py"
