"""Labels as normalized words and as numbers."""
