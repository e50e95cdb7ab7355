"""Strategies that train on the outputs of a teacher."""
