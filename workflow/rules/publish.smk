from uuid import uuid4

publications = {study.publication.key: study for study in plan.studies}
logged = {study.slug: study for study in plan.studies}


rule publish:
    input:
        table=lambda wildcards: ancient(
            publications[wildcards.key].evaluation.folder / "runs.parquet"
        ),
        verdicts=lambda wildcards: ancient(
            publications[wildcards.key].evaluation.folder / "verdicts.json"
        ),
        figures=lambda wildcards: ancient(
            publications[wildcards.key].figures.folder / "index.json"
        ),
    output:
        update("results/{view}/provenance-{key}.json"),
    log:
        "results/logs/publish/{view}-{key}.log",
    retries: 0
    conda:
        "../../environment.yml"
    params:
        provenance=lambda wildcards: publications[wildcards.key].provenance(),
    script:
        "../scripts/publish.py"


rule track:
    input:
        marker=lambda wildcards: ancient(logged[wildcards.slug].marker),
        records=lambda wildcards: [
            ancient(path) for path in logged[wildcards.slug].records
        ],
    output:
        update("results/store/mlflow/logged/{view}/{slug}/{key}.json"),
    log:
        "results/logs/track/{view}-{slug}-{key}.log",
    retries: 0
    conda:
        "../../environment.yml"
    params:
        study=lambda wildcards: logged[wildcards.slug].tracking_facts(),
        uri=plan.tracking_uri,
        wait=config["tracking"]["wait_seconds"],
        sweep=str(uuid4()),
    script:
        "../scripts/track.py"


rule site:
    input:
        [ancient(study.marker) for study in plan.studies],
    output:
        update("results/store/site/{view}/built-{key}.json"),
    log:
        "results/logs/site/{view}-{key}.log",
    retries: 0
    conda:
        "../../environment.yml"
    params:
        pages=[
            (study.study.content, str(study.view), str(study.tuning_file))
            for study in plan.studies
        ],
        command=plan.command,
    script:
        "../scripts/site.py"


rule audit:
    input:
        expand("results/desk/{study}/runs.parquet", study=plan.committed),
    log:
        "results/logs/audit.log",
    conda:
        "../../environment.yml"
    params:
        studies=plan.committed,
    script:
        "../scripts/audit.py"
