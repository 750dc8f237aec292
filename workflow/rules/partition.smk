rule partition:
    input:
        data=lambda wildcards: ancient(
            plan.partitions[wildcards.key].card.folder / "SHA256SUMS"
        ),
    output:
        "results/store/partitions/{key}.npz",
    log:
        "results/logs/partition/{key}.log",
    conda:
        "../../environment.yml"
    params:
        order=lambda wildcards: plan.partitions[wildcards.key].parts,
    script:
        "../scripts/partition.py"
