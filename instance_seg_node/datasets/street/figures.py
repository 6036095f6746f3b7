"""People and two-wheelers: tubes between joints, drawn far to near."""

from dataclasses import dataclass

import cv2
import numpy as np

from .camera import Camera
from .canvas import Canvas

CIRCLE = np.stack([np.cos(np.arange(10) * np.pi / 5), np.sin(np.arange(10) * np.pi / 5)], axis=1)


@dataclass(frozen=True, eq=False)
class Part:
    """A lump stretched over joints (N, 3) with radii (N,), metres, own axes. owner: index of its stamp.
    wheel: joints are a centre, a rim point ahead and one above; radii are of the rim's tube."""

    joints: np.ndarray
    radii: np.ndarray
    colour: np.ndarray
    owner: int = 0
    wheel: bool = False
    glow: tuple = (0, 0, 0)


def part(points, radii, colour, owner=0, **more) -> Part:
    points = np.asarray(points, float)
    return Part(
        points, np.broadcast_to(np.asarray(radii, float), len(points)), np.asarray(colour, float), owner, **more
    )


def draw_parts(canvas: Canvas, parts: list[Part], at, yaw: float, stamps: tuple[int, ...]) -> np.ndarray | None:
    """Paint parts standing `at`, turned by yaw. Returns the pixels of the joints, None if too close or behind."""
    camera, light = canvas.camera, canvas.light
    turn = Camera(0, 0, 0, yaw, 1, 0, 0).rotation
    counts = [len(p.joints) for p in parts]
    seen = camera.to_camera(np.concatenate([p.joints for p in parts]) @ turn + at)
    if seen[:, 2].min() < 0.6:
        return None
    pixels, scale = camera.to_pixels(seen), camera.focal_px / seen[:, 2]
    ends = np.cumsum(counts)
    depth = np.add.reduceat(seen[:, 2], ends - counts) / counts
    sunward = camera.rotation @ light.sun
    shift = np.array([np.sign(sunward[0]) * 0.3, -0.25])
    albedo, glow = np.array([p.colour for p in parts]), np.array([p.glow for p in parts], float)
    # What stands upright sees half of the sky; with the sun behind it, it is a silhouette.
    front = 1 - 0.85 * max(float(sunward[2]), 0.0)
    dark = light.through_haze(
        albedo * (0.78 * light.ambient + 0.25 * front * light.direct) + glow * light.lamps, depth
    ).tolist()
    lit = light.through_haze(albedo * (1.05 * light.ambient + 0.8 * front * light.direct), depth).tolist()
    radii = np.maximum(np.concatenate([p.radii for p in parts]) * scale, 0.55)
    inner = pixels + shift * radii[:, None]
    for i in np.argsort(depth, kind="stable")[::-1].tolist():
        p, span = parts[i], slice(ends[i] - counts[i], ends[i])
        if p.wheel:
            _wheel(canvas, pixels[span], radii[span][0], dark[i], stamps[p.owner])
            continue
        canvas.fill(hull(pixels[span], radii[span]), dark[i], stamps[p.owner])
        if radii[span.start] > 1.6:
            canvas.fill(hull(inner[span], radii[span] * 0.58), lit[i])
    return np.concatenate([pixels - 0.1 * scale[:, None], pixels + 0.1 * scale[:, None]])


def hull(pixels: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """The convex outline (M, 2) around circles at pixels (N, 2)."""
    points = (pixels[:, None] + CIRCLE * radii[:, None, None]).reshape(-1, 2).astype(np.float32)
    return cv2.convexHull(points)[:, 0]


def _wheel(canvas: Canvas, pixels, tube: float, colour, stamp: int):
    centre, ahead, above = pixels
    turn = np.arange(22) * (2 * np.pi / 22)
    rim = np.cos(turn)[:, None] * (ahead - centre) + np.sin(turn)[:, None] * (above - centre)
    reach = np.maximum(np.linalg.norm(rim, axis=1, keepdims=True), 0.1)
    outer, inner = centre + rim * (1 + tube / reach), centre + rim * np.maximum(1 - tube / reach, 0.0)
    # Like annotators do, the wheel owns what is seen through its spokes.
    fixed = np.rint((outer - 0.5) * 16).astype(np.int32)
    cv2.fillConvexPoly(canvas.stamp, fixed, stamp, cv2.LINE_8, 4)
    box = canvas.box(outer)
    if box is not None:
        patch = canvas.rgb[box]
        inside = np.zeros(patch.shape[:2], np.uint8)
        origin = (box[1].start * 16, box[0].start * 16)
        cv2.fillConvexPoly(inside, np.rint((inner - 0.5) * 16).astype(np.int32) - origin, 255, cv2.LINE_8, 4)
        cv2.copyTo(cv2.addWeighted(patch, 0.62, np.full_like(patch, 1) * np.uint8(90), 0.22, 0), inside, patch)
    canvas.fill_any([outer, inner], colour)
    canvas.fill(hull(np.stack([centre - (above - centre), above]), np.array([tube, tube])), colour, stamp) if abs(
        ahead[0] - centre[0]
    ) < 2 * tube else None
