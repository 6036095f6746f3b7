# The PyPI wheels' CMake targets name Python headers of the container that built them, /opt/python/..., and CMake stops
# at a folder that does not exist. Strike those folders out when the whole project has been read.
function(strike_build_container_paths)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(folders ${target} INTERFACE_INCLUDE_DIRECTORIES)
    if(target MATCHES "__rosidl_generator_py$" AND folders)
      list(FILTER folders EXCLUDE REGEX "^/opt/python/")
      set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${folders}")
    endif()
  endforeach()
endfunction()
cmake_language(DEFER CALL strike_build_container_paths)
