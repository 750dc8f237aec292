"""Archipelago: what papers on distributed, federated and decentralised learning claim, re-run."""
