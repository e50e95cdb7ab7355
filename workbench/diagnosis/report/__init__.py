"""Conclusions of a diagnosis, and their HTML, JSON and image forms."""
