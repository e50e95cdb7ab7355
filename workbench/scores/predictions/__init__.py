"""Scores of a source model's predictions on the target's images: no features needed."""
