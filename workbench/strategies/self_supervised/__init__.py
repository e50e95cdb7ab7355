"""Strategies that learn from pixels alone; the labels train an online probe without gradient to the backbone."""
