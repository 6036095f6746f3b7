"""What a training run is made of: a YAML file of config/recipes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveFloat, ValidationError, model_validator

from ..datasets.street import CLASSES
from ..errors import InputError
from ..files.yaml_files import read_yaml
from ..methods.spatial_embedding.networks import STRIDES
from ..model_spec import MAX_INPUT, LookAlikes, ObjectClass, Strict, Thresholds, groups, problems


class Scenes(Strict):
    """Generated streets: which and how many. Training, validation and test never share a seed."""

    training: int = Field(gt=0, description="scenes rendered once and then cropped over and over")
    validation: int = Field(gt=0)
    test: int = Field(gt=0, description="held out for the numbers of the card")
    seed: int = Field(0, ge=0)
    height: int = Field(gt=0, le=MAX_INPUT, description="size at which training scenes are rendered")
    width: int = Field(gt=0, le=MAX_INPUT)


class Data(Strict):
    """Labelled images of your own, of any layout that `open_dataset` reads: such texts and names of splits.

    Relative paths are relative to the folder in which training is started.
    """

    training: str = Field(min_length=1)
    validation: str = Field(min_length=1, description="of the same classes")
    training_split: str = ""
    validation_split: str = ""
    classes: tuple[str, ...] | None = Field(
        None, description="in this order; objects of others are background. Default: all that the training images have")


class Stage(Strict):
    """One part of the run. The learning rate falls by (1 - progress) ** 0.9 over the stage."""

    steps: int = Field(gt=0)
    batch: int = Field(gt=0)
    crops_per_scene: int = Field(1, gt=0, description="so many crops of a batch share a scene, which is read once")
    crop_height: int = Field(gt=0, le=MAX_INPUT, multiple_of=8)
    crop_width: int = Field(gt=0, le=MAX_INPUT, multiple_of=8)
    scale: tuple[float, float] = Field((0.7, 1.5), description="range of the random enlargement of a scene")
    object_size: tuple[float, float] | None = Field(
        None, description="instead of `scale`, where a crop is around an instance: pixels of its longer side")
    around_object: float = Field(0.7, ge=0, le=1, description="share of crops that are centred on an instance")
    learning_rate: float = Field(5e-4, gt=0)
    freeze_batch_norm: bool = False
    warm_up: bool = Field(False, description="offsets, bandwidths and classes are taught directly (guidance.py)")
    guidance: float = Field(0.0, ge=0, description="weight of the warm-up's offsets and bandwidths beside the loss")
    smallest: int = Field(0, ge=0, description="instances with fewer pixels in a crop teach nothing")


class LossSettings(Strict):
    """METHODS 1.4."""

    centre: Literal["centroid", "medoid", "learnable"] = "centroid"
    fixed_margin_px: float | None = Field(None, gt=0, description="of every object, in pixels of the network's input; "
                                          "else bandwidths are learned")
    foreground_weight: PositiveFloat | tuple[PositiveFloat, ...] = Field(10.0, description="one, or one per class")
    seed_error: Literal["squared", "cross_entropy"] = "squared"
    small_instances: float = Field(0.0, ge=0, le=1, description="how much more their pixels count (loss.area_weights)")
    repulsion: float = Field(0.0, ge=0, description="weight of background pixels pointing away from centres (claim 2)")
    weights: tuple[float, float, float] = Field((1.0, 10.0, 1.0), description="instance, variance, seed")

    def check_fits(self, classes: Sequence[ObjectClass]) -> None:
        """Raises InputError if there are weights per class, but not one for each of `classes`."""
        weight = self.foreground_weight
        if isinstance(weight, tuple) and len(weight) != len(classes):
            raise InputError(f"loss.foreground_weight has {len(weight)} weights for {len(classes)} classes; give one, "
                             f"or one per class: {', '.join(c.name for c in classes)}")


class Recipe(Strict):
    """A whole run, on generated streets (`scenes`) or on labelled images (`data`).

    Raises pydantic.ValidationError naming what does not fit.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    input_height: int = Field(gt=0, le=MAX_INPUT, multiple_of=8)
    input_width: int = Field(gt=0, le=MAX_INPUT, multiple_of=8)
    network: Literal["erfnet", "pyramid"] = Field("erfnet", description="the paper's, or one in a quarter of its time")
    bandwidths: Literal[1, 2] = 2
    dropout: float = Field(0.3, ge=0, lt=1, description="of the encoder's last blocks")
    scenes: Scenes | None = None
    data: Data | None = None
    stages: tuple[Stage, ...] = Field(min_length=1)
    loss: LossSettings = LossSettings()
    camera_variety: float = Field(1.0, ge=0, le=2, description="how much crops differ in light, colour, focus, noise")
    look_alikes: LookAlikes = ()
    thresholds: Thresholds = Thresholds()
    weight_decay: float = Field(1e-4, ge=0)
    offset_rate: float = Field(1.0, gt=0, description="learning rate of the offset branch, as a share of the others'")
    ramp: int = Field(0, ge=0, description="steps in which the learning rate of a stage rises from near zero")
    average: float = Field(0.0, ge=0, lt=1, description="0: keep the last weights. Else their running mean, of which "
                           "so much stays at every step")
    bfloat16: bool = Field(False, description="run the network's convolutions in bfloat16; the loss stays in fp32")
    seed: int = Field(0, ge=0)
    validate_every: int = Field(500, gt=0, description="steps between two validations and checkpoints")
    licence: str = Field("Apache-2.0", description="of the model; with `data` to be given, by the terms of its images")

    @model_validator(mode="after")
    def _has_one_source(self) -> "Recipe":
        if (self.scenes is None) == (self.data is None):
            raise ValueError("give `scenes`, generated streets, or `data`, labelled images of your own: one of the two")
        if self.data is not None and ("licence" not in self.model_fields_set or not self.licence.strip()):
            raise ValueError("`data` needs `licence`: what the terms of its images allow a model of them to be used "
                             "for; it goes into the model's card")
        if self.scenes is not None:
            self.check_fits(CLASSES)
        return self

    @model_validator(mode="after")
    def _sizes_fit_the_network(self) -> "Recipe":
        stride = STRIDES[self.network]
        sizes = [self.input_height, self.input_width]
        for stage in self.stages:
            sizes += [stage.crop_height, stage.crop_width]
        if any(size % stride for size in sizes):
            raise ValueError(f"the network {self.network} needs input and crops whose height and width are multiples "
                             f"of {stride}")
        return self

    def check_fits(self, classes: Sequence[ObjectClass]) -> None:
        """Raises InputError if the loss weighs, or look_alikes name, other classes than `classes`."""
        self.loss.check_fits(classes)
        try:
            groups([c.name for c in classes], self.look_alikes)
        except ValueError as error:
            raise InputError(str(error)) from error

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)

    @classmethod
    def load(cls, path: Path) -> "Recipe":
        """The recipe in a YAML file. Raises InputError if it is missing, unreadable or does not fit."""
        content = read_yaml(path, remedy="Recipes are in config/recipes")
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise InputError(f"{path} is not a recipe:\n{problems(error, cls)}") from error


def stage_of(recipe: Recipe, step: int) -> tuple[Stage, float]:
    """The stage that a step from 0 belongs to, and its learning rate there. Raises ValueError past the last step."""
    for stage in recipe.stages:
        if step < stage.steps:
            rising = min(1.0, (step + 1) / (recipe.ramp + 1))
            return stage, stage.learning_rate * rising * (1 - step / stage.steps) ** 0.9
        step -= stage.steps
    raise ValueError(f"the recipe has {recipe.steps} steps")
