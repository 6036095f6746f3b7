"""Where models lie: shipped ones by name, any other by its folder."""

from pathlib import Path

from .errors import InputError
from .files.user_paths import user_path
from .share import share_folder

DEFAULT_MODEL = "street"


def shipped() -> list[Path]:
    """The model folders that come with the package, in order of name."""
    return sorted(path.parent for path in (share_folder() / "models").glob("*/model.yaml"))


def find_model(name_or_folder: str | Path) -> Path:
    """The folder of a shipped model, or the folder itself if it holds a model.yaml.

    A shipped name wins over a folder of that name in the working directory: write ./NAME for that one.
    Raises InputError naming the shipped models.
    """
    folders = {folder.name: folder for folder in shipped()}
    if str(name_or_folder) in folders:
        return folders[str(name_or_folder)]
    folder = user_path(name_or_folder)
    if (folder / "model.yaml").is_file():
        return folder
    what = "is a folder without model.yaml" if folder.is_dir() else "is neither a shipped model nor a model folder"
    raise InputError(f"model {str(name_or_folder)!r} {what}. Shipped: {', '.join(folders) or 'none'}. "
                     "List them: instance-seg models")
