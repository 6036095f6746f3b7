"""What a model folder says about its network: `model.yaml`, beside `model.onnx`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import InputError
from .files.atomic_files import write_atomically
from .files.yaml_files import read_yaml

Byte = Annotated[int, Field(ge=0, le=255)]
Probability = Annotated[float, Field(ge=0, le=1)]
MAX_INPUT = 8192
"""Pixels of a side of a network's input."""


class Strict(BaseModel):
    """Unknown keys are errors, numbers are finite, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ObjectClass(Strict):
    """One class of a model. Its id is its place in the list."""

    name: str
    color: tuple[Byte, Byte, Byte] = Field(description="RGB")


class Thresholds(Strict):
    """Settings of the clustering (METHODS 1.6). Defaults are those of the published method."""

    foreground: Probability = Field(0.5, description="a pixel takes part if its seed probability is greater")
    seed: Probability = Field(0.9, description="an instance starts from no pixel with a lower seed probability")
    min_pixels: int = Field(128, ge=0, description="an instance has more pixels than this, at network resolution")
    min_unclustered: Probability = Field(
        0.5, description="an instance has more than this share of pixels that no earlier one has taken")
    refine: bool = Field(False, description="recompute centre and bandwidth once from the members found first")


LookAlikes = Annotated[tuple[tuple[str, ...], ...], Field(
    description="groups of class names. Of a group an object has one class, and they are easily taken for each other: "
                "they are clustered as one, and an instance has the class of most of its pixels")]


def groups(names: Sequence[str], look_alikes: Sequence[Sequence[str]]) -> list[list[int]]:
    """The class ids 0 to C - 1, in groups: those of look-alikes, and one for each other class; by their lowest id.

    Raises ValueError if look_alikes name a class that is none of `names`, or one twice.
    """
    named = [name for group in look_alikes for name in group]
    for name in named:
        if name not in names:
            raise ValueError(f"look_alikes names {name!r}, which is none of the classes {', '.join(names)}")
        if named.count(name) > 1:
            raise ValueError(f"look_alikes names {name!r} twice")
    alone = [[i] for i, name in enumerate(names) if name not in named]
    return sorted(alone + [sorted(names.index(name) for name in group) for group in look_alikes if group])


class Provenance(Strict):
    """Where the weights come from."""

    data: str
    licence: str
    command: str
    notes: str = ""


class ModelSpec(Strict):
    """The content of `model.yaml`. Raises pydantic.ValidationError naming what does not fit."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    method: Literal["spatial_embedding"] = "spatial_embedding"
    input_height: int = Field(gt=0, le=MAX_INPUT, multiple_of=8)
    input_width: int = Field(gt=0, le=MAX_INPUT, multiple_of=8)
    bandwidths: Literal[1, 2] = Field(2, description="1: circular margin, 2: axis-aligned ellipse")
    classes: tuple[ObjectClass, ...] = Field(min_length=1, max_length=255)
    look_alikes: LookAlikes = ()
    thresholds: Thresholds = Thresholds()
    provenance: Provenance
    measured: dict[str, float] = Field({}, description="such as {'AP50 street-val': 0.61}")
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="of model.onnx; checked when it is loaded")

    @model_validator(mode="after")
    def _class_names_are_unique(self):
        names = [c.name for c in self.classes]
        if len(set(names)) < len(names):
            raise ValueError(f"class names must be unique, got {names}")
        groups(names, self.look_alikes)
        return self

    @property
    def groups(self) -> list[list[int]]:
        """Class ids in the groups that are clustered together."""
        return groups([c.name for c in self.classes], self.look_alikes)

    @classmethod
    def load(cls, folder: Path) -> "ModelSpec":
        """The spec of a model folder. Raises InputError if it is missing, unreadable or does not fit."""
        path = Path(folder) / "model.yaml"
        content = read_yaml(path, remedy="A model is a folder with model.yaml and model.onnx; list them: "
                                         "instance-seg models")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise InputError(f"{path} does not describe a model:\n{problems(error, cls)}") from error

    def save(self, folder: Path) -> None:
        """Write `model.yaml` into an existing folder."""
        text = yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
        write_atomically(Path(folder) / "model.yaml", text.encode())


MOST_PROBLEMS = 20


def problems(error: ValidationError, model: type[BaseModel]) -> str:
    """The problems of a pydantic error, one line each; an unknown key lists the known ones of `model`."""
    lines = []
    for e in error.errors()[:MOST_PROBLEMS]:
        where = ".".join(str(part) for part in e["loc"]) or "the whole file"
        known = f" (known keys: {', '.join(model.model_fields)})" if e["type"] == "extra_forbidden" else ""
        lines.append(f"  {where:.80}: {e['msg']}, got {_shown(e['input'])}{known}")
    more = error.error_count() - len(lines)
    return ";\n".join(lines + [f"  and {more} more"] * (more > 0))


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:77]}..."
