"""Figures and the static site."""
