"""Measurements of this package's parts. May use torch, for the comparison."""
