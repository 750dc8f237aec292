"""The hypotheses of three specifications, as a study's file states them, judged on tables whose verdict is known."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd
import pytest
import yaml

from archipelago.studies.hypotheses import check
from archipelago.studies.verdicts import judge
from tests.studies.tables import indexed, run, table

FEDSPEED = """
pairing: {units: seed, interval: bootstrap, level: 0.9}

quantities:
  final: {metric: test_accuracy, last: 5}
  at_round_20: {metric: test_accuracy, at: 20}
  rounds_to_target: {metric: test_accuracy, first_reaching: {quantity: final, arm: fedavg}}
  # Equal gradient evaluations: a SAM step costs two, so 15 rounds of fedspeed cost what 30 of fedavg do.
  around_15: {metric: test_accuracy, rounds: [13, 15]}
  around_30: {metric: test_accuracy, rounds: [28, 30]}

hypotheses:
  H1:
    statement: FedSpeed ends at least 0.5 points above the best tuned of FedAvg, FedDyn and SCAFFOLD
    parts:
      - {effect: difference, quantity: final, condition: mlp, of: fedspeed,
         against: {largest_of: [fedavg, feddyn, scaffold]}, at_least: 0.005, interval_above: 0}
  H2:
    statement: Ten local epochs instead of one help FedSpeed at least 0.5 points more than FedAvg, at round 20
    parts:
      - {effect: interaction, quantity: at_round_20, of: fedspeed, against: fedavg, between: [mlp, E1],
         at_least: 0.005, interval_above: 0}
  H3:
    statement: FedSpeed needs at most 0.7 times the rounds to FedAvg's final accuracy
    parts:
      - {effect: ratio, quantity: rounds_to_target, condition: mlp, of: fedspeed, against: fedavg,
         at_most: 0.7, interval_below: 0.9}
  H4:
    statement: FedSpeed's lead over FedAvg is larger under Dirichlet 0.1 than under Dirichlet 0.6
    parts:
      - {effect: interaction, quantity: final, of: fedspeed, against: fedavg, between: [dir01, dir06],
         above: 0, interval_above: 0}
  H5:
    statement: The prox-correction and the ascent step each add at least 0.3 points
    parts:
      - {effect: difference, quantity: final, condition: mlp, of: fedspeed, against: no_correction,
         at_least: 0.003, interval_above: 0}
      - {effect: difference, quantity: final, condition: mlp, of: fedspeed, against: no_ascent,
         at_least: 0.003, interval_above: 0}
  H6:
    statement: At equal gradient evaluations FedSpeed is not worse than FedAvg by more than 0.5 points
    parts:
      - {effect: difference, condition: mlp, of: {arm: fedspeed, quantity: around_15},
         against: {arm: fedavg, quantity: around_30}, interval_above: -0.005}
"""

MONNA = """
pairing: {units: seed, interval: t, level: 0.95}

quantities:
  accuracy: {metric: acc_mean, last: 1}
  steps: {metric: probe_acc_mean, first_reaching: 0.75}
  contracting: {metric: contraction, share: {below: 1, after: 20}}

hypotheses:
  H1:
    statement: Under its worst attack MoNNA ends at least 2 points above the best robust baseline under its worst
    parts:
      - effect: difference
        quantity: accuracy
        condition: {smallest_of: [alie, foe, sf, lf]}
        of: monna
        against:
          largest_of: [trmean, rfa, scc, {arm: jungle, condition: {smallest_of: [alie, foe]}}]
        at_least: 0.02
        interval_above: 0
  H2:
    statement: Under its worst attack MoNNA ends at most 6 points below attack-free D-SGD
    parts:
      - effect: difference
        quantity: accuracy
        of: {arm: dsgd, condition: none}
        against: {arm: monna, condition: {smallest_of: [alie, foe, sf, lf]}}
        at_most: 0.06
  H3:
    statement: Local momentum is worth at least 2 points under the worst attack
    parts:
      - {effect: difference, quantity: accuracy, condition: {smallest_of: [alie, foe, sf, lf]},
         of: monna, against: nna_nomom, at_least: 0.02}
  H4:
    statement: The overhead in gradients over D-SGD grows linearly with f / n, with a constant of at most 6
    inconclusive_if:
      - {effect: excess, quantity: steps, of: {arm: monna, condition: {mean_of: [alie, foe, sf, lf]}},
         against: {arm: dsgd, condition: none}, below: 0.1}
    parts:
      - effect: proportional
        quantity: steps
        y: excess
        points: &overhead
          - {x: 0.0384615, of: {arm: monna, condition: {mean_of: [alie_f1, foe_f1, sf_f1, lf_f1]}},
             against: {arm: dsgd, condition: none_f1}}
          - {x: 0.0769231, of: {arm: monna, condition: {mean_of: [alie_f2, foe_f2, sf_f2, lf_f2]}},
             against: {arm: dsgd, condition: none_f2}}
          - {x: 0.1153846, of: {arm: monna, condition: {mean_of: [alie_f3, foe_f3, sf_f3, lf_f3]}},
             against: {arm: dsgd, condition: none_f3}}
          - {x: 0.1923077, of: {arm: monna, condition: {mean_of: [alie, foe, sf, lf]}},
             against: {arm: dsgd, condition: none}}
        at_most: 6
      - {effect: excess, quantity: steps, of: {arm: monna, condition: {mean_of: [alie_f1, foe_f1, sf_f1, lf_f1]}},
         against: {arm: dsgd, condition: none_f1}, at_most: 0.5}
      - {effect: power, quantity: steps, y: excess, points: *overhead, interval_holds: 1}
  H5:
    statement: With n >= 11 f nearest-neighbour averaging contracts the honest models in 95 % of the steps after step 20
    parts:
      - {effect: value, quantity: contracting, condition: alie_f2, of: monna, at_least: 0.95}
      - {effect: value, quantity: contracting, condition: foe_f2, of: monna, at_least: 0.95}
"""

FASTRP = """
pairing: {units: [shuffle, seed], interval: bootstrap, level: 0.95}

quantities:
  f1_at_1: {metric: macro_f1, where: {labels: 0.01}}
  f1_at_10: {metric: macro_f1, where: {labels: 0.1}}
  seconds: {metric: cpu_seconds, all_rows: min}
  tuned_beta: {metric: beta}

hypotheses:
  H1:
    statement: On the language graph FastRP is 30 times as fast as DeepWalk and at most 1 point of macro-F1 worse
    parts:
      - {effect: ratio, quantity: seconds, condition: language_timing, of: deepwalk, against: fastrp,
         pairing: {units: seed}, at_least: 30}
      - {effect: difference, quantity: f1_at_1, condition: language, of: fastrp, against: deepwalk,
         at_least: -1, interval_above: -2}
  H2:
    statement: On the debtags graphs FastRP is at most 1 point worse than the better of DeepWalk and node2vec
    parts:
      - {effect: difference, quantity: f1_at_10, condition: debtags, of: fastrp,
         against: {largest_of: [deepwalk, node2vec]}, at_least: -1, interval_above: -2}
      - {effect: difference, quantity: f1_at_10, condition: debtags_small, of: fastrp,
         against: {largest_of: [deepwalk, node2vec]}, at_least: -1, interval_above: -2}
  H3:
    statement: The similarity matters, high powers for at least 10 points and the transition matrix for at least 2
    parts:
      - {effect: difference, quantity: f1_at_1, condition: language, of: fastrp, against: first_order,
         at_least: 10, interval_above: 0}
      - {effect: difference, quantity: f1_at_1, condition: language, of: fastrp, against: adj,
         at_least: 2, interval_above: 0}
  H4:
    statement: The reduction does not matter for quality, and the very sparse one is the faster
    parts:
      - {effect: difference, quantity: f1_at_1, condition: language, of: fastrp, against: fastrp_gauss,
         at_least: -1.5, at_most: 1.5}
      - {effect: difference, quantity: f1_at_1, condition: language, of: fastrp, against: fastrp_svd, at_least: -3}
      - {effect: ratio, quantity: seconds, condition: language_timing, of: fastrp, against: fastrp_gauss,
         pairing: {units: seed}, at_most: 0.8}
  H5:
    statement: Degree normalisation is chosen on at least one graph, and there is worth at least 0.5 points
    any_of:
      - parts:
          - {effect: value, quantity: tuned_beta, condition: language, of: fastrp,
             pairing: {units: seed, interval: none}, below: 0}
          - {effect: difference, quantity: f1_at_1, condition: language, of: fastrp, against: beta0, at_least: 0.5}
      - parts:
          - {effect: value, quantity: tuned_beta, condition: debtags, of: fastrp,
             pairing: {units: seed, interval: none}, below: 0}
          - {effect: difference, quantity: f1_at_10, condition: debtags, of: fastrp, against: beta0, at_least: 0.5}
  H6:
    statement: The time grows about linearly with the number of edges
    parts:
      - effect: power
        quantity: seconds
        y: value
        pairing: {units: seed, interval: none}
        points:
          - {x: 25000, of: fastrp, condition: planted_5k}
          - {x: 100000, of: fastrp, condition: planted_20k}
          - {x: 400000, of: fastrp, condition: planted_80k}
        at_least: 0.8
        at_most: 1.3
  H7:
    statement: FastRP is at least 1 point of macro-F1 better than RandNE on both graphs
    parts:
      - {effect: difference, quantity: f1_at_1, condition: language, of: fastrp, against: randne, at_least: 1}
      - {effect: difference, quantity: f1_at_10, condition: debtags, of: fastrp, against: randne, at_least: 1}
"""


def verdicts(text: str, frame: pd.DataFrame) -> dict[str, str]:
    study: dict[str, Any] = yaml.safe_load(text)
    judged = judge("s", study["quantities"], study["hypotheses"], frame, pairing=study["pairing"])
    return {name: one["verdict"] for name, one in judged["hypotheses"].items()}


@pytest.mark.parametrize(("text", "count"), [(FEDSPEED, 6), (MONNA, 5), (FASTRP, 7)])
def test_every_hypothesis_is_read_and_is_not_run_where_only_its_first_arm_ran(text, count):
    study = yaml.safe_load(text)
    _, read = check("s", study["quantities"], study["hypotheses"], None, None, study["pairing"])
    assert [one.name for one in read] == [f"H{i}" for i in range(1, count + 1)]
    frame = table(run("another", "mlp", 1, test_accuracy=[0.5]))
    assert set(verdicts(text, frame).values()) == {"not run"}


def fedspeed(lead: float, speed: float = 2.0, spread: float = 0.001, arms: tuple[str, ...] = ()) -> pd.DataFrame:
    """Accuracy of ten-epoch arms rises to 0.8, for fedspeed to 0.8 + ``lead`` and ``speed`` times as fast."""
    tops = {"fedavg": 0.8, "feddyn": 0.795, "scaffold": 0.79, "no_correction": 0.795, "no_ascent": 0.794}
    runs = []
    for seed in range(1, 6):
        jitter = spread * (seed - 3)
        for arm, top in {**tops, "fedspeed": 0.8 + lead + jitter}.items():
            pace = speed if arm == "fedspeed" else 1.0
            curve = [top * min(1, 0.5 + pace * t / 60) for t in range(1, 31)]
            runs.append(run(arm, "mlp", seed, test_accuracy=curve))
        for condition, base, share in (("E1", 0.7, 0.1), ("dir01", 0.7, 2.0), ("dir06", 0.82, 0.5)):
            runs.append(run("fedavg", condition, seed, test_accuracy=[base] * 30))
            runs.append(run("fedspeed", condition, seed, test_accuracy=[base + share * (lead + jitter)] * 30))
    return table(*(rows for rows in runs if not arms or rows[0]["arm"] in arms))


def test_fedspeed_where_it_leads_and_is_fast():
    assert set(verdicts(FEDSPEED, fedspeed(0.02)).values()) == {"supported"}


def test_fedspeed_where_it_trails_and_is_slow():
    assert set(verdicts(FEDSPEED, fedspeed(-0.03, speed=0.8)).values()) == {"refuted"}


def test_fedspeed_where_its_lead_is_as_large_as_the_noise():
    found = verdicts(FEDSPEED, fedspeed(0.004, speed=1.0, spread=0.01))
    assert {found[name] for name in ("H1", "H4", "H5")} == {"inconclusive"}


def test_fedspeed_where_only_its_headline_ran():
    found = verdicts(FEDSPEED, fedspeed(0.02, arms=("fedspeed", "fedavg", "feddyn", "scaffold")))
    assert found.pop("H5") == "not run"
    assert set(found.values()) == {"supported"}


ATTACKS = ("alie", "foe", "sf", "lf")


def monna(
    lead: float = 0.04, law: tuple[float, float] = (3, 1), contracting: float = 0.99, gap: float = 0.03
) -> pd.DataFrame:
    """monna ends ``lead`` above the others and ``gap`` below dsgd; its overhead in steps is c (f / n)^p."""
    runs = []
    for seed, f in itertools.product((1, 2, 3), (1, 2, 3, 5)):
        suffix = "" if f == 5 else f"_f{f}"
        jitter = 0.001 * seed

        def reaching(step: int, final: float) -> dict[str, list[float]]:
            probe = [0.7 if t < step else 0.76 for t in range(1, 601)]
            return {"probe_acc_mean": probe, "acc_mean": [final] * 600}

        base = 208 + 26 * seed
        scatter = 1 if f in (1, 5) else -1  # off the law, but neither steeper nor flatter
        overhead = law[0] * (f / 26) ** law[1]
        runs.append(run("dsgd", f"none{suffix}", seed, **reaching(base, 0.85)))
        for i, attack in enumerate(ATTACKS):
            final = 0.85 - gap + 0.01 * i + jitter
            steps = round(base * (1 + overhead)) + scatter
            contraction = [0.5 if t < 20 + contracting * 580 else 1.5 for t in range(600)]
            runs.append(run("monna", f"{attack}{suffix}", seed, contraction=contraction, **reaching(steps, final)))
            if f == 5:
                for below, arm in enumerate(("trmean", "rfa", "scc", "nna_nomom")):
                    runs.append(run(arm, attack, seed, acc_mean=[final - lead - 0.005 * below - 0.3 * jitter]))
                if attack in ("alie", "foe"):
                    runs.append(run("jungle", attack, seed, acc_mean=[final - lead - 0.01]))
    return table(*runs)


def test_monna_where_all_it_claims_is_so():
    assert set(verdicts(MONNA, monna()).values()) == {"supported"}


def test_monna_where_nothing_is_so():
    found = verdicts(MONNA, monna(lead=-0.1, law=(20, 2), contracting=0.5, gap=0.2))
    assert set(found.values()) == {"refuted"}


def test_monna_without_overhead_leaves_nothing_to_fit():
    assert verdicts(MONNA, monna(law=(0.3, 1)))["H4"] == "inconclusive"


def test_monna_with_an_overhead_that_grows_with_the_square_is_refuted():
    assert verdicts(MONNA, monna(law=(20, 2)))["H4"] == "refuted"


def fastrp(
    lead: float = 1.5,
    seconds: float = 1.0,
    beta: tuple[float, float] = (-0.3, 0.0),
    slope: float = 1.0,
    spread: float = 0.2,
) -> pd.DataFrame:
    """Other embeddings score 60, except for the reductions; fastrp scores ``lead`` more and takes ``seconds``."""
    runs = []
    others = ("deepwalk", "node2vec", "beta0", "randne")
    tops = {**dict.fromkeys(others, 60.0), "first_order": 45.0, "adj": 55.0}
    tops |= {"fastrp": 60 + lead, "fastrp_gauss": 60 + lead, "fastrp_svd": 60 + lead}
    for seed, (condition, labels, chosen) in itertools.product(
        (1, 2, 3), (("language", 0.01, beta[0]), ("debtags", 0.1, beta[1]), ("debtags_small", 0.1, 0.0))
    ):
        for arm, top in tops.items():
            wobble = [spread * (k - 2 + seed - 2) * (arm == "fastrp") for k in range(5)]
            rows = [{"shuffle": k, "labels": labels, "macro_f1": top + wobble[k]} for k in range(5)]
            rows += [{"shuffle": k, "labels": 0.5, "macro_f1": 99.0} for k in range(5)]
            runs.append(indexed(arm, condition, seed, [{"beta": chosen if arm == "fastrp" else 0.0}, *rows]))
    for seed in (1, 2, 3):
        for arm, cost in {"fastrp": seconds, "fastrp_gauss": 2.0, "deepwalk": 50.0}.items():
            repeats = [{"repeat": k, "cpu_seconds": cost * (1 + 0.1 * k + 0.01 * seed)} for k in range(5)]
            runs.append(indexed(arm, "language_timing", seed, repeats))
    for size in (5, 20, 80):
        timings = [{"repeat": k, "cpu_seconds": seconds * size**slope * (1 + 0.1 * k)} for k in range(5)]
        runs.append(indexed("fastrp", f"planted_{size}k", 1, timings))
    return table(*runs)


def test_fastrp_where_all_it_claims_is_so():
    assert set(verdicts(FASTRP, fastrp()).values()) == {"supported"}


def test_fastrp_where_nothing_is_so():
    found = verdicts(FASTRP, fastrp(lead=-16, seconds=3.0, beta=(0.0, 0.0), slope=1.6))
    assert set(found.values()) == {"refuted"}


def test_fastrp_where_beta_was_chosen_and_does_not_pay():
    assert verdicts(FASTRP, fastrp(lead=0.0, beta=(-0.5, -0.1)))["H5"] == "refuted"


def test_fastrp_where_the_scores_are_uncertain():
    found = verdicts(FASTRP, fastrp(lead=-0.9, spread=2.0))
    assert {found[name] for name in ("H1", "H2")} == {"inconclusive"}
