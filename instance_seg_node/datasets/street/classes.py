"""The classes of the generated streets: the eight instance classes of Cityscapes, in its order and colours."""

from instance_seg_node.model_spec import ObjectClass

CLASSES: tuple[ObjectClass, ...] = (
    ObjectClass(name="person", color=(220, 20, 60)),
    ObjectClass(name="rider", color=(255, 0, 0)),
    ObjectClass(name="car", color=(0, 0, 142)),
    ObjectClass(name="truck", color=(0, 0, 70)),
    ObjectClass(name="bus", color=(0, 60, 100)),
    ObjectClass(name="train", color=(0, 80, 100)),
    ObjectClass(name="motorcycle", color=(0, 0, 230)),
    ObjectClass(name="bicycle", color=(119, 11, 32)),
)
PERSON, RIDER, CAR, TRUCK, BUS, TRAIN, MOTORCYCLE, BICYCLE = range(8)

CITYSCAPES_ID = (24, 25, 26, 27, 28, 31, 32, 33)
"""Label id of each class in Cityscapes files."""

# Cityscapes label ids of what is not an instance.
OWN_VEHICLE, ROAD, PAVEMENT, BUILDING, WALL, FENCE, RAIL = 1, 7, 8, 11, 12, 13, 10
POLE, SIGN, PLANT, TERRAIN, SKY = 17, 20, 21, 22, 23
