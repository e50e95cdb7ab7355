"""Domains: distances, shifts and bounds between two domains."""
