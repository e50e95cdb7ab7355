"""Figures of matrices."""
