"""Networks, named by class path in a run's specification."""

from archipelago.models.convolutional import SmallCNN
from archipelago.models.dense import MLP
from archipelago.models.residual import ResNet18GN

__all__ = ["MLP", "ResNet18GN", "SmallCNN"]
