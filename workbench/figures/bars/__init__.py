"""Figures of bars: one value per class, stage or cause."""
