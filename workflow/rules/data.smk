cards = {card.folder.name: card for card in plan.cards}


rule data:
    input:
        expand("data/{set}/SHA256SUMS", set=cards),


rule prepare:
    output:
        "data/{set}/SHA256SUMS",
    params:
        name=lambda wildcards: cards[wildcards.set].name,
    wildcard_constraints:
        set="|".join(cards),
    log:
        "results/logs/prepare/{set}.log",
    conda:
        "../../environment.yml"
    script:
        "../scripts/prepare.py"
