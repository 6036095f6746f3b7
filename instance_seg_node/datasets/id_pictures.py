"""Images that lie beside a PNG of ids each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..model_spec import ObjectClass
from .codes import UnknownCode, from_codes
from .labelled_image import LabelledImage
from .truth_files import check_same_size, read_ids, read_picture


@dataclass(frozen=True, eq=False)
class IdPictures:
    """A dataset (see dataset.py) in which an id means the same in every image.

    files: image and id PNG of each. meaning, labels: of each id, see codes.from_codes. known: which ids have a meaning,
    for the user who has others.
    """

    name: str
    classes: tuple[ObjectClass, ...]
    files: tuple[tuple[Path, Path], ...]
    meaning: np.ndarray
    known: str
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.files)

    def title(self, i: int) -> str:
        return self.files[i][0].name

    def __getitem__(self, i: int) -> LabelledImage:
        picture, truth = self.files[i]
        if not picture.exists():
            raise InputError(f"{truth} has no picture: {picture} (or with another suffix) does not exist. Add it, or "
                             "remove the ids")
        if not truth.exists():
            raise InputError(f"{picture} has no labels: {truth} does not exist. Add it (all pixels 0 where there is no "
                             "object), or remove the picture")
        rgb, ids = read_picture(picture), read_ids(truth)
        check_same_size(picture, rgb.shape[:2], f"the ids of {truth} are", ids.shape)
        try:
            return from_codes(rgb, ids, self.meaning, labels=self.labels)
        except UnknownCode as error:
            raise InputError(f"{truth} has id {error}, which means nothing. {self.known}") from error
