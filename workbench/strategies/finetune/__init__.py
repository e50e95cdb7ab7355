"""Strategies that fit labels, with or without a pull towards the start."""
