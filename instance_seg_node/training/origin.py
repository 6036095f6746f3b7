"""Where weights come from, over all the runs that led to them."""

from dataclasses import dataclass

from ..model_spec import Provenance
from .recipe import Data, Recipe

NOTHING_ELSE = ", nothing else"


@dataclass(frozen=True)
class Origin:
    """commands: what to type to get the weights, in order. sources: a description and the licence of what each run
    learned from, in order, each pair once."""

    commands: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]

    @classmethod
    def of_model(cls, provenance: Provenance) -> "Origin":
        """Of the weights of a model, by its card."""
        return cls((provenance.command,), ((provenance.data.removesuffix(NOTHING_ELSE), provenance.licence),))

    def followed_by(self, later: "Origin") -> "Origin":
        """Of weights that `later` trained further."""
        return Origin(self.commands + later.commands, tuple(dict.fromkeys(self.sources + later.sources)))

    def provenance(self, command: str) -> Provenance:
        """What the model's card says. command: the last one. The licences of all sources hold."""
        licences = dict.fromkeys(licence for _, licence in self.sources)
        return Provenance(data=", then ".join(description for description, _ in self.sources) + NOTHING_ELSE,
                          licence=" and ".join(licences), command=" && ".join((*self.commands, command)))


def origin_of(recipe: Recipe, *commands: str) -> Origin:
    """Of weights that learned from this recipe's images alone."""
    if recipe.data is not None:
        return Origin(commands, ((f"labelled images of {_described(recipe.data)}", recipe.licence),))
    streets = f"{recipe.scenes.training} generated streets (instance_seg_node.datasets.street)"
    return Origin(commands, ((streets, recipe.licence),))


def _described(data: Data) -> str:
    return f"{data.training} (split {data.training_split})" if data.training_split else data.training
