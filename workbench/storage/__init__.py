"""The store of activations: what frozen layers make of images, computed once."""
