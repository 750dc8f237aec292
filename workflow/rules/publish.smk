publications = {study.publication.key: study for study in plan.studies}
logged = {study.tracked(plan.tracking_uri).key: study for study in plan.studies}


rule publish:
    input:
        table=lambda wildcards: ancient(publications[wildcards.key].evaluation.folder / "runs.parquet"),
        verdicts=lambda wildcards: ancient(publications[wildcards.key].evaluation.folder / "verdicts.json"),
        figures=lambda wildcards: ancient(publications[wildcards.key].figures.folder / "index.json"),
    output:
        "results/{view}/provenance-{key}.json",
    params:
        provenance=lambda wildcards: publications[wildcards.key].provenance(),
    log:
        "results/logs/publish/{view}-{key}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/publish.py"


rule track:
    input:
        marker=lambda wildcards: ancient(logged[wildcards.key].marker),
        records=lambda wildcards: [ancient(path) for path in logged[wildcards.key].records],
    output:
        "results/store/mlflow/logged/{key}.json",
    params:
        study=lambda wildcards: logged[wildcards.key].tracking_facts(),
        uri=plan.tracking_uri,
    log:
        "results/logs/track/{key}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/track.py"


rule site:
    input:
        [ancient(study.marker) for study in plan.studies],
    output:
        "results/store/site/built/{key}.json",
    params:
        pages=[(study.study.content, str(study.view)) for study in plan.studies],
        command=plan.command,
    log:
        "results/logs/site/{key}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/site.py"


rule audit:
    input:
        expand("results/desk/{study}/runs.parquet", study=plan.committed),
    params:
        studies=plan.committed,
    log:
        "results/logs/audit.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/audit.py"
