"""Figures of benchmarks on the card of a model."""

from collections.abc import Mapping
from pathlib import Path

from instance_seg_node.model_spec import ModelSpec


def put_on_card(model: Path, figures: Mapping[str, float]) -> None:
    """Write figures into `measured` of a folder's model.yaml, in place of those of the same names."""
    spec = ModelSpec.load(model)
    rounded = {name: round(float(figure), 4) for name, figure in figures.items()}
    spec.model_copy(update={"measured": spec.measured | rounded}).save(model)
