"""Scores of two domains: how well a classifier separates their features."""
