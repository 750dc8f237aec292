"""Networks, named by class path in a run's specification."""

from archipelago.models.convolutional import SmallCNN
from archipelago.models.dense import MLP

__all__ = ["MLP", "SmallCNN"]
