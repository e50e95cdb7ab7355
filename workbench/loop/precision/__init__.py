"""Precision of forward passes: autocast, and its automatic choice."""
