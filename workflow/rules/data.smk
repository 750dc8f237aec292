cards = {card.folder.name: card for card in plan.cards}


rule data:
    input:
        expand("data/{set}/SHA256SUMS", set=cards),


rule prepare:
    output:
        update("data/{set}/SHA256SUMS"),
    log:
        "results/logs/prepare/{set}.log",
    wildcard_constraints:
        set="|".join(cards),
    retries: 0
    conda:
        "../../environment.yml"
    params:
        name=lambda wildcards: cards[wildcards.set].name,
    script:
        "../scripts/prepare.py"
