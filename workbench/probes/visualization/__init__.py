"""Visualization: filters, activations and what units respond to."""
