"""Evidence measured before any training beyond linear heads."""
