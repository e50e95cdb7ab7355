"""Loading and saving: from a name to a net, from a net to a file."""
