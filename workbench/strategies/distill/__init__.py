"""Strategies that learn from a teacher."""
