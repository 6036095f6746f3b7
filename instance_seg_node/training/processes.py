"""One process or several: `torchrun --nproc-per-node 4 --no-python instance-seg train RECIPE`.

Every process takes its share of each batch, and a step changes the weights as one process with the whole batch would:
gradients are averaged, and batch norms see the statistics of all shares. Dropout alone draws otherwise.
"""

import os
import sys

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor, nn

from ..errors import InputError
from .recipe import Recipe


def open_fabric(recipe: Recipe) -> Fabric:
    """The processes that this one belongs to, as torchrun has started them; without torchrun this one alone.

    Each has a GPU of its own if this machine has any, else they share the CPU. Raises InputError if a batch of the
    recipe cannot be shared out evenly, or there are fewer GPUs than processes.
    """
    count = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    on_gpu = torch.cuda.is_available()
    if on_gpu and torch.cuda.device_count() < count:
        raise InputError(f"{count} processes need a GPU each, and there are {torch.cuda.device_count()}. Start fewer: "
                         f"torchrun --nproc-per-node {torch.cuda.device_count()}")
    fabric = Fabric(accelerator="cuda" if on_gpu else "cpu", devices=count,
                    num_nodes=int(os.environ.get("WORLD_SIZE", 1)) // count,
                    strategy="ddp" if "TORCHELASTIC_RUN_ID" in os.environ else "auto",
                    precision="bf16-mixed" if recipe.bfloat16 else "32-true")
    fabric.launch()
    _check_shares(recipe, fabric.world_size)
    if recipe.bfloat16 and not on_gpu and not torch.cpu.get_capabilities().get("avx512_bf16"):
        fabric.print("this CPU has no instructions for bfloat16: with bfloat16: false in the recipe a step takes about "
                     "a tenth of the time", file=sys.stderr)
    return fabric


def _check_shares(recipe: Recipe, processes: int) -> None:
    for stage in recipe.stages:
        if stage.batch % processes or (stage.batch // processes) % min(stage.crops_per_scene, stage.batch):
            raise InputError(f"a batch of {stage.batch} crops, {stage.crops_per_scene} of a scene, cannot be shared "
                             f"out to {processes} processes by whole scenes. Change batch or crops_per_scene")


class SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes. Its gradient too is summed: what each has made of the sum counts."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        x = x.clone()
        dist.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return SumOverProcesses.apply(gradient)


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose statistics in training are those of the batches of all processes. (B, C, H, W), same out."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        values = x.float()
        count = float(values.numel() // values.shape[1] * dist.get_world_size())
        mean = SumOverProcesses.apply(values.sum((0, 2, 3))) / count
        away = values - mean[:, None, None]
        variance = SumOverProcesses.apply(away.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (away * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def share_norms(network: nn.Module) -> None:
    """Let every batch norm of a network be a SharedBatchNorm with the same weights."""
    for parent in list(network.modules()):
        for name, norm in list(parent.named_children()):
            if type(norm) is nn.BatchNorm2d:
                shared = SharedBatchNorm(norm.num_features, eps=norm.eps, momentum=norm.momentum)
                shared.load_state_dict(norm.state_dict())
                setattr(parent, name, shared)
