"""Processes that train runs: launching, device queue, liveness, worker."""
