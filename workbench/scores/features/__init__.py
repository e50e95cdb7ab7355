"""Scores of the target's features under a backbone: how far the classes stand apart in them."""
