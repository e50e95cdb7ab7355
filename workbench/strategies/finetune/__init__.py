"""Strategies that fit labels, with or without a penalty on the distance from the initial weights."""
