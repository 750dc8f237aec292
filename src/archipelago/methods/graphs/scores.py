"""What a node embedding is judged by: classification from few labels, and whose neighbours share a label."""

from __future__ import annotations

import torch
from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn.functional import normalize

from archipelago.methods.graphs.feed import Split
from archipelago.models.linear_heads import fit_linear_heads
from archipelago.randomness import torch_stream


def indicator(labels: Tensor) -> Tensor:
    """Bool [nodes, classes] of single labels (int64 [nodes]) or of sets of labels (already so)."""
    return labels if labels.dim() == 2 else torch.nn.functional.one_hot(labels).bool()


def predict(scores: Tensor, count: Tensor) -> Tensor:
    """Bool [nodes, classes]: the ``count[i]`` classes of node i with the highest scores (its true number of labels)."""
    order = scores.argsort(dim=1, descending=True, stable=True)
    chosen = torch.arange(scores.shape[1]) < count[:, None]
    return torch.zeros_like(chosen).scatter_(1, order, chosen)


def classify(embedding: Tensor, truth: Tensor, split: Split, c: float) -> dict[str, float]:
    """Macro- and micro-F1 in percent, on the split's test nodes, of logistic heads fitted on its training nodes.

    ``embedding`` is [nodes, dim], ``truth`` bool [nodes, classes], ``c`` the inverse strength of the L2 penalty.
    """
    heads = fit_linear_heads(embedding[split.train], truth[split.train], c)
    expected = truth[split.test]
    predicted = predict(heads.scores(embedding[split.test]), expected.sum(1))
    return {
        f"{average}_f1": 100 * float(f1_score(expected.numpy(), predicted.numpy(), average=average, zero_division=0.0))
        for average in ("macro", "micro")
    }


def neighbour_purity(embedding: Tensor, truth: Tensor, *, neighbours: int = 10, sample: int = 1000) -> float:
    """Share of the nearest ``neighbours`` (cosine) that have a label in common with their node, in percent.

    The mean over ``sample`` nodes, the same for every arm.
    """
    nodes = torch.randperm(len(embedding), generator=torch_stream(0, "purity"))[:sample]
    unit = normalize(embedding, dim=1)
    similarity = unit[nodes] @ unit.T
    similarity[torch.arange(len(nodes)), nodes] = -torch.inf
    nearest = similarity.topk(neighbours, dim=1).indices
    common = (truth[nearest] & truth[nodes][:, None, :]).any(dim=2)
    return 100 * common.double().mean().item()
