"""Representations: similarity of the features of stages and nets."""
