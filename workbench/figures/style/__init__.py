"""Theme, number formats and label positions shared by all figures."""
