"""Labelled images to learn from and to measure on, one file or package per source."""
