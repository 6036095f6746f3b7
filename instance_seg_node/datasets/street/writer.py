"""Generated streets as files in the layout of Cityscapes."""

from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from instance_seg_node.errors import InputError

from ..labelled_image import LabelledImage
from .classes import CITYSCAPES_ID
from .scene import Street


def write_cityscapes(
    folder: Path | str, split: str, count: int, seed: int, height: int = 1024, width: int = 2048
) -> None:
    """Write `count` streets, seeds from `seed` on, as leftImg8bit/<split>/street/* and gtFine/<split>/street/*.

    instanceIds: uint16, label id * 1000 + n for instances, else the label id; labelIds: uint8. Existing files of the
    same name are replaced. Raises InputError if the folder cannot be written or count is not positive.
    """
    if count < 1:
        raise InputError(f"count must be at least 1, got {count}")
    images, truth = (Path(folder) / kind / split / "street" for kind in ("leftImg8bit", "gtFine"))
    try:
        images.mkdir(parents=True, exist_ok=True)
        truth.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot hold the streets ({error}). Name a folder you can write to") from error
    for i in tqdm(range(count), desc=f"streets {split}", unit="image"):
        image = Street(seed + i, height, width).render(0.0)
        name = f"street_{i:06d}_000000"
        _write(images / f"{name}_leftImg8bit.png", image.rgb[..., ::-1])
        _write(truth / f"{name}_gtFine_instanceIds.png", instance_ids(image))
        _write(truth / f"{name}_gtFine_labelIds.png", image.labels)


def instance_ids(image: LabelledImage) -> np.ndarray:
    """Cityscapes' instance id of every pixel, uint16 (H, W): label id * 1000 + n, or the label id of no instance."""
    codes, counts = [0], {}
    for class_id in image.class_ids.tolist():
        counts[class_id] = counts.get(class_id, -1) + 1
        codes.append(CITYSCAPES_ID[class_id] * 1000 + counts[class_id])
    return np.where(
        image.instance_map > 0, np.array(codes, np.uint16)[image.instance_map], image.labels.astype(np.uint16)
    )


def _write(path: Path, array: np.ndarray) -> None:
    done, data = cv2.imencode(".png", array)
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error}). Free space or name another folder") from error
    assert done
