"""Figures of lines over epochs, thresholds or sample sizes."""
