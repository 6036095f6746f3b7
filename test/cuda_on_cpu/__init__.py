"""CUDA on a CPU: the GPU path's device for tests without a GPU. The rules it checks are in cuda_on_cpu.h."""

from .device import CpuDevice, CudaOnCpuError

__all__ = ["CpuDevice", "CudaOnCpuError"]
