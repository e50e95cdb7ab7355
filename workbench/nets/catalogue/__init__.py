"""Catalogue of backbones: rows, sizes, published accuracies, zoos, queries."""
