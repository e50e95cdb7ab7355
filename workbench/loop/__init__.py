"""Training loop: a net, a tuning, a strategy and batches in, points out; iterate to train, break to stop."""

from workbench._lazy_names import attach_names

__getattr__, __dir__, __all__ = attach_names(__name__, __file__, "name of the loop")
