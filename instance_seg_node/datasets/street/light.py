"""The light of a scene: sun, sky, fog and night."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Light:
    """What falls on things and what hangs between them and the camera. Colours are display RGB, float (3,).

    sun: direction towards the sun (3,), world axes. direct: its strength on a face turned to it; ambient: the sky's.
    zenith, horizon: sky colours. haze_per_m: how fast things fade into `haze`. lamps: strength of lit lamps, 0 to 1.
    cloud: share of the sky covered. wet: 0 dry to 1 soaked ground.
    """

    sun: np.ndarray
    direct: np.ndarray
    ambient: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    haze: np.ndarray
    haze_per_m: float
    lamps: float
    cloud: float
    wet: float
    weather: str = field(default="clear")

    def shade(self, albedo: np.ndarray, normals: np.ndarray, gloss: np.ndarray) -> np.ndarray:
        """Colours (F, 3) of faces with unit world normals (F, 3); gloss (F,) is the share of sky they mirror."""
        lit = np.clip(normals @ self.sun, 0, 1)[:, None]
        up = (0.65 + 0.35 * normals[:, 1])[:, None]
        mirrored = np.where(normals[:, 1:2] > 0.2, self.zenith, self.horizon * 0.75)
        return albedo * (self.ambient * up + self.direct * lit) + gloss[:, None] * mirrored

    def through_haze(self, colours: np.ndarray, distance_m) -> np.ndarray:
        """Colours (..., 3) as seen from `distance_m` away."""
        kept = np.exp(-np.asarray(distance_m) * self.haze_per_m)
        kept = np.asarray(kept)[..., None] if np.ndim(kept) else kept
        return np.clip(colours * kept + self.haze * (1 - kept), 0, 255)


def draw_light(rng: np.random.Generator) -> Light:
    """The light of a random hour and weather: half of them clear, the rest overcast, rain, fog, dusk, night."""
    weather = rng.choice(["clear", "overcast", "rain", "fog", "dusk", "night"], p=[0.52, 0.2, 0.09, 0.06, 0.06, 0.07])
    high = {"clear": rng.uniform(18, 65), "dusk": rng.uniform(3, 10)}.get(weather, rng.uniform(20, 60))
    side = rng.uniform(0, 2 * np.pi)
    e = np.radians(high)
    sun = np.array([np.cos(e) * np.sin(side), np.sin(e), np.cos(e) * np.cos(side)])
    blue = np.array([70, 115, 175]) * rng.uniform(0.8, 1.25)
    pale = np.array([185, 205, 225]) * rng.uniform(0.85, 1.12)
    grey = np.array([200, 205, 212]) * rng.uniform(0.75, 1.2)
    glare = rng.uniform(0, 0.8)  # a hazy sky by day is far brighter than what it lights
    blue, pale, grey = (255 - (255 - np.minimum(tone, 255)) * (1 - glare) for tone in (blue, pale, grey))
    warm = np.array([1.0, 0.95, 0.86])
    dim, cool = rng.uniform(0.85, 1.1), np.array([0.93, 1.0, 1.07])
    rows = {  # direct, ambient, zenith, horizon, haze per metre, lamps, cloud, wet
        "clear": (
            warm * 0.72 * dim,
            cool * 0.52,
            blue,
            pale,
            rng.uniform(0.0006, 0.003),
            0.1,
            rng.choice([0, 0.3, 0.6]),
            0,
        ),
        "overcast": (warm * 0.1, cool * 0.78 * dim, grey * 0.9, grey * 1.05, rng.uniform(0.002, 0.006), 0.2, 1.0, 0.1),
        "rain": (warm * 0.0, cool * 0.6 * dim, grey * 0.6, grey * 0.75, rng.uniform(0.006, 0.015), 0.6, 1.0, 1.0),
        "fog": (warm * 0.0, cool * 0.72 * dim, grey * 0.95, grey * 0.95, rng.uniform(0.015, 0.035), 0.6, 1.0, 0.3),
        "dusk": (
            np.array([0.5, 0.3, 0.15]),
            cool * 0.3,
            np.array([60, 70, 110.0]),
            np.array([215, 150, 105.0]),
            rng.uniform(0.002, 0.005),
            0.8,
            0.4,
            0.1,
        ),
        "night": (
            warm * 0.0,
            np.array([0.16, 0.15, 0.16]) * rng.uniform(0.7, 1.5),
            np.array([8, 9, 16.0]),
            np.array([34, 28, 28.0]),
            rng.uniform(0.003, 0.008),
            1.0,
            0.5,
            rng.uniform(0, 0.8),
        ),
    }
    direct, ambient, zenith, horizon, haze_per_m, lamps, cloud, wet = rows[str(weather)]
    return Light(sun, direct, ambient, zenith, horizon, horizon * 0.97, haze_per_m, lamps, cloud, wet, str(weather))
