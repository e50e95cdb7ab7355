"""Scores of a source model's predictions on target images, without features."""
