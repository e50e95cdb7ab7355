"""Partition of a net into a frozen and a moving part, traced from one forward pass."""
