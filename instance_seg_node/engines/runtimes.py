"""The two runtimes that build and run plans. One API, two modules."""

import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType

from ..errors import InputError
from .gpus import ARCHITECTURES, architectures, this_gpu


@dataclass(frozen=True)
class Runtime:
    """A row of RUNTIMES. `builds_elsewhere`: for GPUs that are not in this machine."""

    name: str
    title: str
    module: str
    extra: str
    builds_elsewhere: bool

    def load(self, module: str = "") -> ModuleType:
        """Its Python module, or another of its extra. Raises InputError if it is missing or does not load."""
        try:
            return importlib.import_module(module or self.module)
        except ModuleNotFoundError as error:
            raise InputError(f"{self.title} needs {error.name}: pip install 'instance_seg_node[{self.extra}]'"
                             f"{'; a Jetson has it with JetPack' * (error.name == 'tensorrt')}") from error
        except (ImportError, OSError) as error:
            raise InputError(f"{module or self.module} is installed and does not load: {error}") from error

    def gpus(self, wanted: str) -> tuple[str, ...]:
        """Architectures to build for: of "this" GPU, or of a list. Raises InputError where it cannot.

        Plans of full TensorRT fit one product alone, so its name is there too.
        """
        if self.builds_elsewhere:
            return self._supported((this_gpu().architecture,) if wanted == "this" else architectures(wanted))
        if wanted != "this":
            raise InputError(f"{self.title} builds only for the GPU of its own machine. There: --gpu this; here: "
                             f"--gpu {','.join(architectures(wanted))} --runtime tensorrt-rtx")
        return tuple(this_gpu())

    def _supported(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        members = self.load().ComputeCapability.__members__
        supported = [sm for sm in ARCHITECTURES if sm.replace("_", "").upper() in members]
        for sm in wanted:
            if sm not in supported:
                raise InputError(f"{self.title} {self.load().__version__} has no {sm} ({ARCHITECTURES[sm]}), only "
                                 f"{', '.join(supported)}. On a machine with that GPU: --runtime tensorrt --gpu this")
        return wanted


RUNTIMES = {row.name: row for row in (
    Runtime("tensorrt", "TensorRT", "tensorrt", "gpu", builds_elsewhere=False),
    Runtime("tensorrt-rtx", "TensorRT for RTX", "tensorrt_rtx", "build", builds_elsewhere=True),
)}


def find_runtime(name: str = "") -> Runtime:
    """A row of RUNTIMES; without a name, the first that is installed. Raises InputError."""
    if name and name not in RUNTIMES:
        raise InputError(f"runtime {name!r} is not one of {', '.join(RUNTIMES)}")
    installed = [row for row in RUNTIMES.values() if importlib.util.find_spec(row.module)]
    if not name and not installed:
        raise InputError("neither TensorRT nor TensorRT for RTX is installed: pip install 'instance_seg_node[gpu]' on "
                         "a vehicle, 'instance_seg_node[build]' where a plan is built for a GPU elsewhere")
    return RUNTIMES[name] if name else installed[0]
