#!/usr/bin/env bash
# All that needs a GPU, in steps of less than 9 minutes; a failing one does not stop the next.
#   benchmarks/gpu_all.sh [STEP ...]    such as: benchmarks/gpu_all.sh kernels bench-fp16
# Run from the repository's root; needs compute-sanitizer, pycuda, NVRTC, onnx and TensorRT (pip install '.[gpu]'), and for
# engine-elsewhere TensorRT for RTX (pip install '.[build]'). Where there is no network: gpu_wheels.sh. What is found lies
# in benchmarks/results/gpu_*.json.
set -uo pipefail
python=${PYTHON:-python3}
status=0
wanted=" $* "

step() {
  local name=$1
  shift
  if [[ $wanted != "  " && $wanted != *" $name "* ]]; then return; fi
  echo "== $name: $*"
  local before=$SECONDS
  timeout --kill-after=10 530 "$@" || { echo "== $name failed with $?"; status=1; }
  echo "== $name took $((SECONDS - before)) s"
}

# The table of instance-seg bench gpu, as a results file of this name.
bench() {
  local name=$1
  shift
  step "bench-$name" bash -c '
    "$1" -c "import sys; from instance_seg_node.cli import main; sys.exit(main())" bench gpu --json "${@:3}" > "$2.part"
    status=$?
    if [ -s "$2.part" ]; then mv "$2.part" "$2"; else rm "$2.part"; fi
    exit "$status"' bench "$python" "benchmarks/results/gpu_bench-$name.json" "$@"
}

# The kernels against the CPU path, bit for bit.
step kernels "$python" benchmarks/gpu_kernels.py --rounds 100
for tool in memcheck racecheck synccheck; do
  step "$tool" compute-sanitizer --tool "$tool" --error-exitcode 3 "$python" benchmarks/gpu_kernels.py --rounds 3 \
    --size 96x192 --name "cuda-$tool"
done

# Plans: does one of TensorRT for RTX that was built for other GPUs load on this one? Does one that was built for it?
step engine-elsewhere "$python" benchmarks/gpu_engine.py street --precision fp16 --runtime tensorrt-rtx \
  --gpu sm_80,sm_86,sm_89,sm_120
for precision in fp16 fp32; do
  step "engine-$precision" "$python" benchmarks/gpu_engine.py --precision "$precision"
done

# The table: with a plan, or torch where none runs; and the kernels and the graph alone.
for precision in fp16 fp32 int8; do
  bench "$precision" --precisions "$precision"
done
bench no-network --precisions fp16 --network none
bench street-large --model street-large --precisions fp16 --cameras 1,4

# 10^4 batches with flat memory, 20 openings; and last, what breaks the context.
step frames "$python" benchmarks/gpu_frames.py
step fault "$python" benchmarks/gpu_fault.py
exit "$status"
