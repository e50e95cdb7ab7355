"""Controlled trainings: controls, experiments on causes, stage transplants, and their accuracy gaps."""
