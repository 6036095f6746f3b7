"""Splits as text files beside the images: train.txt and so on, one name of an image without suffix per line."""

from pathlib import Path

from ..errors import InputError

SPLITS = ("train", "val", "validation", "test")


def splits(folder: Path) -> list[str]:
    """The splits that have a list."""
    return [name for name in SPLITS if (folder / f"{name}.txt").is_file()]


def listed(folder: Path, split: str, names: list[str]) -> list[str]:
    """Those of `names` that a split has, in the order of its list; all of them for "all".

    Raises InputError if the list cannot be read, is empty, or has a name twice or one that is not among `names`.
    """
    if split == "all":
        return names
    path = folder / f"{split}.txt"
    try:
        lines = path.read_text().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}). Write one image name per line, without suffix") from error
    chosen = [line.strip() for line in lines if line.strip()]
    strange = sorted(set(chosen) - set(names))
    twice = sorted({name for name in chosen if chosen.count(name) > 1})
    if not chosen or strange or twice:
        problems = [f"{what}: {', '.join(which[:5])}" for what, which in
                    (("not there", strange), ("listed twice", twice)) if which]
        raise InputError(f"{path} does not list images of {folder} ({'; '.join(problems) or 'it is empty'}). Write one "
                         "image name per line, without suffix")
    return chosen
