"""Who holds which samples: a table sample -> client, made once, shared by every arm that names it."""

from archipelago.partition.partition import Partition, make_partition, stratified_subset
from archipelago.partition.schemes import IID, Dirichlet, Scheme

__all__ = ["IID", "Dirichlet", "Partition", "Scheme", "make_partition", "stratified_subset"]
