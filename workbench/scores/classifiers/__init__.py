"""Scores that fit a small classifier to the features or search for neighbors: slower, and closer to fine-tuning."""
