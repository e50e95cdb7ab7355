"""Steps after reading: each takes the items and the options, and returns items."""
