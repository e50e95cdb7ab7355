"""Scores of two domains: how well a classifier tells their features apart."""
