"""Scores of target features: how well a backbone's features separate the classes."""
