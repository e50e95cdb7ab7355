"""Viewers and explorers: widgets that show what nets, images and runs contain."""
