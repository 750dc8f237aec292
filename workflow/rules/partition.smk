rule partition:
    input:
        data=lambda wildcards: ancient(
            plan.partitions[wildcards.key].card.folder / "SHA256SUMS"
        ),
    output:
        update("results/store/partitions/{key}.npz"),
    log:
        "results/logs/partition/{key}.log",
    # A dozen is one job of a scheduler, one after the other: in one lane it asks for one's memory and the time of all.
    group:
        "partitions"
    conda:
        "../../environment.yml"
    resources:
        mem_mb=1000,
        runtime=5,
        lane=1,
    params:
        order=lambda wildcards: plan.partitions[wildcards.key].parts,
    script:
        "../scripts/partition.py"
