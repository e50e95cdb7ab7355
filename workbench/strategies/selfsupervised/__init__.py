"""Strategies that learn from pixels alone; the labels serve an online probe that the backbone does not feel."""
