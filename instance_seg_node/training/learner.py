"""What changes from step to step: the weights, the optimizer's moments and, if wanted, the mean of the weights."""

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..methods.spatial_embedding.networks import Branched
from .fixed_margin import fix_margin
from .processes import share_norms
from .recipe import Recipe


class Learner:
    """A network with its optimizer and, if `recipe.average` is not 0, the exponential mean of its weights."""

    def __init__(self, network: Branched, recipe: Recipe, fabric: Fabric | None = None):
        """fabric: the processes that learn together; None: this one alone, on the CPU."""
        self.fabric = fabric or Fabric(accelerator="cpu", devices=1)
        if self.fabric.world_size > 1:
            share_norms(network)
        self.network = network.to(memory_format=torch.channels_last)  # a third faster on a CPU
        self._shared, self.optimizer = self.fabric.setup(self.network, _optimizer(self.network, recipe))
        self.decay, self._fixed_margin_px = recipe.average, recipe.loss.fixed_margin_px
        self._average: AveragedModel | None = None
        self.restart()

    @property
    def best(self) -> nn.Module:
        """The network to validate and to keep: the mean where there is one."""
        return self.network if self._average is None else self._average.module

    def restart(self) -> None:
        """Take the mean from the present weights on."""
        self._hold_margin()
        if self.decay:
            self._average = AveragedModel(self.network, multi_avg_fn=self._mean, use_buffers=True)

    def __call__(self, images: Tensor) -> Tensor:
        """The network's raw output, float32 (B, channels, H, W), of images (B, 3, H, W) in [0, 1]."""
        return self._shared(images).float().contiguous()

    def step(self, loss: Tensor) -> None:
        """Change the weights by the gradient of `loss`, a mean over the images of this process."""
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        self.optimizer.step()
        self._hold_margin()
        if self._average is not None:
            self._average.update_parameters(self.network)

    def state_dict(self) -> dict:
        """All of it, for `load_state_dict`; `network` and `average` (None without one) are the networks' own."""
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(),
                "average": None if self._average is None else self._average.module.state_dict(),
                "averaged": 0 if self._average is None else int(self._average.n_averaged)}

    def load_state_dict(self, state: dict) -> None:
        """Restore what `state_dict` gave. Raises RuntimeError, ValueError or KeyError if it is of another network."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self._average is not None:
            self._average.module.load_state_dict(state["average"])
            self._average.n_averaged.fill_(state["averaged"])

    def _hold_margin(self) -> None:
        """Weight decay moves even what has no gradient."""
        if self._fixed_margin_px:
            fix_margin(self.network, self._fixed_margin_px)

    def _mean(self, means: list[Tensor], weights: list[Tensor], count: Tensor) -> None:
        """Over few steps at first, so that the first weights, which know nothing, are soon forgotten."""
        decay = min(self.decay, (1 + int(count)) / (10 + int(count)))
        get_ema_multi_avg_fn(decay)(means, weights, count)


def _optimizer(network: Branched, recipe: Recipe) -> torch.optim.Optimizer:
    """Adam. The first branch, the offsets, has a learning rate of its own: a step too far and it points nowhere."""
    offsets, *others = network.branches
    rest = [*network.encoder.parameters(), *(p for branch in others for p in branch.parameters())]
    groups = [{"params": rest, "share": 1.0}, {"params": offsets.parameters(), "share": recipe.offset_rate}]
    return torch.optim.Adam(groups, weight_decay=recipe.weight_decay)
