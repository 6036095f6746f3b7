"""How good instances are against labelled images: average precision by the tools of the field, and what explains it."""

from .coco import average_precision

__all__ = ["average_precision"]
