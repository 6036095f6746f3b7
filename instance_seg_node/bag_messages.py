"""Messages in bags, without ROS: their types, and the results as messages of the same content as the node's."""

from functools import cache

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from .drawing import jpeg_file
from .errors import InputError
from .instances import Instances
from .model_spec import ModelSpec
from .share import share_folder


@cache
def typestore() -> Typestore:
    """The types of a ROS 2 distribution, and those of vision_msgs that the results use."""
    store = get_typestore(Stores.ROS2_KILTED)
    definitions = {}
    folder = share_folder() / "interfaces" / "vision_msgs" / "msg"
    for path in sorted(folder.glob("*.msg")):
        definitions.update(get_types_from_msg(path.read_text(), f"vision_msgs/msg/{path.stem}"))
    if not definitions:
        raise InputError(f"{folder} holds no .msg file, so the installation is incomplete and results cannot be "
                         "written. In a checkout of the project type: pip install --force-reinstall .")
    store.register(definitions)
    return store


@cache
def typestore_ros1() -> Typestore:
    return get_typestore(Stores.ROS1_NOETIC)


def _new(name: str, **fields):
    """A ROS 2 message of type `package/Name`."""
    package, short_name = name.split("/")
    return typestore().types[f"{package}/msg/{short_name}"](**fields)


def header_of(message):
    """The header of a ROS 1 or ROS 2 message, as one of ROS 2: stamp and frame_id as they are."""
    header = message.header
    stamp = _new("builtin_interfaces/Time", sec=header.stamp.sec, nanosec=header.stamp.nanosec)
    return _new("std_msgs/Header", stamp=stamp, frame_id=header.frame_id)


def results(header, instances: Instances, *, overlay: np.ndarray | None = None) -> dict:
    """Topic below `<camera>/instance_seg` -> message, all with this header. overlay: uint8 (H, W, 3), or none."""
    messages = {
        "instances": _image(header, "mono16", instances.id_map.astype("<u2", copy=False)),
        "classes": _image(header, "mono8", instances.class_map()),
        "detections": _detections(header, instances),
    }
    if overlay is not None:
        messages["overlay/compressed"] = _jpeg(header, overlay)
    return messages


def label_info(header, spec: ModelSpec, seed_threshold: float):
    """Names of the class ids in `classes` and `detections`."""
    names = [_new("vision_msgs/VisionClass", class_id=i, class_name=c.name) for i, c in enumerate(spec.classes)]
    return _new("vision_msgs/LabelInfo", header=header, class_map=names, threshold=seed_threshold)


def image_in_ros2(header, message):
    """A ROS 1 or ROS 2 image message as one of ROS 2. Its bytes are not copied."""
    if hasattr(message, "format"):
        return _new("sensor_msgs/CompressedImage", header=header, format=message.format, data=message.data)
    return _new("sensor_msgs/Image", header=header, height=message.height, width=message.width,
                encoding=message.encoding, is_bigendian=message.is_bigendian, step=message.step, data=message.data)


def _image(header, encoding: str, pixels: np.ndarray):
    height, width = pixels.shape
    return _new("sensor_msgs/Image", header=header, height=height, width=width, encoding=encoding, is_bigendian=0,
                step=width * pixels.itemsize, data=pixels.reshape(-1).view(np.uint8))


def _jpeg(header, rgb: np.ndarray):
    file = jpeg_file(rgb)
    return _new("sensor_msgs/CompressedImage", header=header, format="rgb8; jpeg compressed bgr8",
                data=file.reshape(-1))


def _detections(header, instances: Instances):
    columns = zip(instances.class_ids.tolist(), instances.scores.tolist(), instances.boxes.tolist(), strict=True)
    rows = [_detection(header, number, *values) for number, values in enumerate(columns, 1)]
    return _new("vision_msgs/Detection2DArray", header=header, detections=rows)


def _detection(header, number: int, class_id: int, score: float, box: list[float]):
    x0, y0, x1, y1 = box
    hypothesis = _new("vision_msgs/ObjectHypothesis", class_id=str(class_id), score=score)
    result = _new("vision_msgs/ObjectHypothesisWithPose", hypothesis=hypothesis, pose=_no_pose())
    position = _new("vision_msgs/Point2D", x=(x0 + x1) / 2, y=(y0 + y1) / 2)
    centre = _new("vision_msgs/Pose2D", position=position, theta=0.0)
    bbox = _new("vision_msgs/BoundingBox2D", center=centre, size_x=x1 - x0, size_y=y1 - y0)
    return _new("vision_msgs/Detection2D", header=header, results=[result], bbox=bbox, id=str(number))


def _no_pose():
    """What a message has where nothing sets the pose."""
    position = _new("geometry_msgs/Point", x=0.0, y=0.0, z=0.0)
    orientation = _new("geometry_msgs/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0)
    pose = _new("geometry_msgs/Pose", position=position, orientation=orientation)
    return _new("geometry_msgs/PoseWithCovariance", pose=pose, covariance=np.zeros(36))
