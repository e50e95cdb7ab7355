"""Figures of dots with intervals, and scatter plots."""
