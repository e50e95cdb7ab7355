"""Grids of images: thumbnails, filters, saliency maps."""
