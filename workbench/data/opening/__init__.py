"""Pipeline from a path, table, arrays or data set to image items."""
