#!/usr/bin/env bash
# Wheels that a GPU machine without network needs for gpu_all.sh, into a folder: pycuda is built here, without a GPU.
#   PYTHON=python3.12 benchmarks/gpu_wheels.sh .whl
# Those of TensorRT for RTX, which the step engine-elsewhere needs, lie in its folder rtx, since they are large. TensorRT
# and torch are not among them: the GPU machine has its own. The sizes are printed at the end.
# PYTHON is the GPU machine's version. Needs CUDA's headers (CUDA_ROOT, else /usr/local/cuda), g++ and ten minutes.
set -euo pipefail
out=${1:?a folder for the wheels}
python=${PYTHON:-python3}
cuda=${CUDA_ROOT:-/usr/local/cuda}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/lib"

"$python" -m venv "$work/venv"
pip=("$work/venv/bin/python" -m pip --disable-pip-version-check -q)

# pycuda links against the driver and cuRAND, which are not here: empty libraries of their names take their places.
for library in libcuda.so.1 libcurand.so.10; do
  g++ -shared -Wl,-soname,"$library" -o "$work/lib/${library%%.*}.so" -x c++ /dev/null
done
"${pip[@]}" download --no-deps -d "$work" nvidia-curand
"$work/venv/bin/python" -m zipfile -e "$work"/nvidia_curand-*.whl "$work/curand"
include=$(dirname "$(find "$work/curand" -name curand.h)")
CUDA_ROOT="$cuda" CPATH="$cuda/include:$include" LIBRARY_PATH="$work/lib" LDFLAGS="-L$work/lib" \
  "${pip[@]}" wheel --no-deps -w "$out" pycuda==2026.1
"${pip[@]}" download --only-binary=:all: -d "$out" numba opencv-python-headless pydantic PyYAML typer tqdm onnx \
  onnxruntime pytools mako "nvidia-cuda-nvrtc==13.0.*"
"${pip[@]}" wheel -w "$out/rtx" tensorrt-rtx
du -ah "$out"
