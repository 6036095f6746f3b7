#!/usr/bin/env bash
# All that needs a GPU and is written so far; each step takes less than 9 minutes, and a failing one does not stop the
# next. Run from the repository's root; needs pycuda and NVRTC (pip install '.[gpu]') and compute-sanitizer.
set -uo pipefail
python=${PYTHON:-python3}
status=0

step() {
  echo "== $*"
  timeout --kill-after=10 530 "$@" || { echo "== failed with $?: $*"; status=1; }
}

step "$python" benchmarks/gpu_kernels.py --rounds 100
step "$python" benchmarks/gpu_engine.py --precision fp16
step "$python" benchmarks/gpu_engine.py --precision fp32
for tool in memcheck racecheck synccheck; do
  step compute-sanitizer --tool "$tool" --error-exitcode 3 "$python" benchmarks/gpu_kernels.py --rounds 3 --size 96x192 \
    --name "cuda-$tool"
done
exit "$status"
