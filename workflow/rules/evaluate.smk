evaluations = {study.evaluation.key: study for study in plan.studies}
figures = {study.figures.key: study for study in plan.studies}
tunings = {study.tuning.key: study for study in plan.studies if study.tuning}


rule evaluate:
    input:
        lambda wildcards: [ancient(path) for path in evaluations[wildcards.key].records],
    output:
        table=update("results/store/evaluations/{key}/runs.parquet"),
        verdicts=update("results/store/evaluations/{key}/verdicts.json"),
    log:
        "results/logs/evaluate/{key}.log",
    group:
        "study"
    conda:
        "../../environment.yml"
    params:
        study=lambda wildcards: evaluations[wildcards.key].study.content,
        rows=lambda wildcards: [row.names() for row in evaluations[wildcards.key].rows],
    script:
        "../scripts/evaluate.py"


rule plot:
    input:
        table=lambda wildcards: ancient(
            figures[wildcards.key].evaluation.folder / "runs.parquet"
        ),
        verdicts=lambda wildcards: ancient(
            figures[wildcards.key].evaluation.folder / "verdicts.json"
        ),
    output:
        index=update("results/store/figures/{key}/index.json"),
        effects=report(
            update("results/store/figures/{key}/effects.svg"),
            category="What was claimed, what was measured",
        ),
    log:
        "results/logs/plot/{key}.log",
    group:
        "study"
    conda:
        "../../environment.yml"
    params:
        study=lambda wildcards: figures[wildcards.key].study.content,
    script:
        "../scripts/plot.py"


rule tune:
    input:
        [study.tuning_file for study in plan.studies if study.tuning_file],


rule score:
    input:
        lambda wildcards: [
            ancient(row.run.records) for row in tunings[wildcards.key].tuning_rows
        ],
    output:
        update("results/desk/{slug}/tuning-{key}.json"),
    log:
        "results/logs/score/{slug}-{key}.log",
    conda:
        "../../environment.yml"
    params:
        study=lambda wildcards: tunings[wildcards.key].study.content,
        rows=lambda wildcards: [
            row.names() for row in tunings[wildcards.key].tuning_rows
        ],
    script:
        "../scripts/score.py"
