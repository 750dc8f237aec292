import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from archipelago.models.linear_heads import fit_linear_heads


@pytest.mark.parametrize("c", [0.01, 1.0])
def test_joint_fit_equals_one_logistic_regression_a_class(c: float) -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((120, 6))
    targets = features @ rng.standard_normal((6, 3)) + rng.standard_normal((120, 3)) > 0.5
    heads = fit_linear_heads(torch.tensor(features), torch.tensor(targets), c, tolerance=1e-9)
    for k in range(3):
        reference = LogisticRegression(C=c, tol=1e-10, max_iter=1000).fit(features, targets[:, k])
        np.testing.assert_allclose(heads.weight[:, k], reference.coef_[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(heads.bias[k], reference.intercept_[0], rtol=1e-4, atol=1e-6)


def test_a_class_without_examples_is_never_preferred() -> None:
    features = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.zeros(30, 2, dtype=torch.bool)
    targets[:, 0] = torch.arange(30) % 2 == 0
    scores = fit_linear_heads(features, targets, 1.0).scores(features)
    assert torch.isfinite(scores).all()
    assert (scores.argmax(1) == 0).all()
