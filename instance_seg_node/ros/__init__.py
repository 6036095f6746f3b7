"""Everything that speaks ROS 2. Nothing else of the package imports it, except the command line."""
