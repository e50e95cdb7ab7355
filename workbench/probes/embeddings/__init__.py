"""Embeddings: projections of features into two or three dimensions."""
