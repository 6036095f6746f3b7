"""Generated streets: dash-camera scenes from a seed, with the exact mask, class and track of every object.

from instance_seg_node.datasets.street import Street
image = Street(seed=7, height=512, width=1024).render(time_s=0.4)
"""

from ..labelled_image import LabelledImage
from .classes import CLASSES
from .scene import Street
from .writer import write_cityscapes

__all__ = ["CLASSES", "LabelledImage", "Street", "write_cityscapes"]
