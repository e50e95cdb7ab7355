"""Scores that train something small on the features, or look up neighbours: dearer, and closer to the truth."""
