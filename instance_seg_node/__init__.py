"""Real-time instance segmentation of camera images for ROS 2, without proposals."""

__version__ = "0.1.0"
