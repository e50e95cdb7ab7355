"""Decoding, cropping and caching of pixels."""
