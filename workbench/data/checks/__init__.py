"""Checks of image files: integrity, duplicates, clutter, content."""
