"""Strategies for a target domain without labels."""
