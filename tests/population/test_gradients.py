"""Many models at once against one at a time."""

import torch

from archipelago.models.dense import MLP
from archipelago.population.evaluation import accuracy_of_rows
from archipelago.population.flat import FlatModel
from archipelago.population.gradients import flatten, rows_gradient, unflatten


def population(rows: int) -> tuple[MLP, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    model = MLP(12, [5], 4)
    theta = flatten(model) + 0.3 * torch.randn(rows, flatten(model).numel())
    return model, theta, torch.randn(rows, 6, 3, 4), torch.randint(4, (rows, 6))


def test_gradients_are_those_of_each_model_on_its_own_batch() -> None:
    model, theta, x, y = population(5)
    losses, gradients = rows_gradient(model, theta, x, y)
    one = FlatModel(MLP(12, [5], 4))
    for i in range(5):
        one.load(theta[i])
        loss, gradient = one.gradient(x[i], y[i])
        torch.testing.assert_close(losses[i], loss)
        torch.testing.assert_close(gradients[i], gradient)


def test_a_row_is_views_of_parameters_in_the_model_s_order() -> None:
    model, *_ = population(1)
    row = flatten(model)
    for name, parameter in unflatten(model, row).items():
        assert torch.equal(parameter, dict(model.named_parameters())[name])
    next(iter(unflatten(model, row).values())).zero_()
    assert not row[: 5 * 12].any()


def test_accuracies_are_those_of_each_model() -> None:
    model, theta, *_ = population(5)
    x, y = torch.randn(23, 3, 4), torch.randint(4, (23,))
    one = FlatModel(MLP(12, [5], 4))
    expected = torch.tensor([one.evaluate(row, x, y)[1] for row in theta])
    assert len(expected.unique()) > 1
    for chunk in (7, 100):
        torch.testing.assert_close(accuracy_of_rows(model, theta, x, y, chunk=chunk), expected)
