# Jazzy's generators ask for ament_cmake_ros, whose wheel asks for GoogleTest's. All that they use of it is this part,
# which Kilted's generators ask for.
find_package(ament_cmake_ros_core REQUIRED)
set(ament_cmake_ros_FOUND TRUE)
