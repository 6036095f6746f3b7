"""People on foot: walking, standing, sitting on a saddle; clothes, hair, bags."""

from dataclasses import dataclass

import numpy as np

from .figures import Part, part

CLOTHES = np.array(
    [
        (20, 20, 22),
        (28, 29, 33),
        (22, 27, 44),
        (40, 41, 45),
        (32, 42, 72),
        (44, 36, 32),
        (30, 40, 34),
        (58, 60, 66),
        (56, 20, 26),
        (96, 98, 102),
        (206, 204, 198),
        (150, 36, 40),
        (60, 90, 140),
        (70, 100, 64),
        (150, 120, 80),
        (205, 160, 60),
        (205, 90, 50),
        (170, 60, 110),
        (215, 222, 70),
    ],
    float,
)
CLOTHES_SHARE = np.array([14, 13, 12, 11, 8, 5, 5, 8, 4, 5, 5, 3, 3, 2, 3, 1.5, 1.5, 2, 1.5])
TROUSERS = np.array(
    [
        (21, 21, 24),
        (30, 30, 34),
        (26, 33, 54),
        (40, 50, 74),
        (34, 32, 30),
        (72, 84, 108),
        (92, 86, 74),
        (150, 140, 118),
        (110, 110, 112),
    ],
    float,
)
TROUSERS_SHARE = np.array([22, 18, 18, 14, 9, 7, 4, 4, 4])
SKINS = np.array([(224, 178, 150), (208, 158, 126), (172, 122, 92), (120, 82, 60), (84, 58, 44)], float)
HAIRS = np.array([(30, 24, 22), (54, 38, 28), (92, 66, 42), (150, 120, 76), (120, 118, 116), (24, 22, 24)], float)


@dataclass(frozen=True, eq=False)
class Looks:
    """What a person wears. tall: metres. coat, skirt, pack, bag, cap: whether there is one."""

    tall: float
    stout: float
    top: np.ndarray
    legs: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    shoes: np.ndarray
    extra: np.ndarray
    coat: bool
    skirt: bool
    pack: bool
    bag: bool
    cap: bool
    bare_arms: bool


def looks(rng: np.random.Generator) -> Looks:
    """A random person; one in eight is a child."""

    def pick(table, share=None):
        share = None if share is None else share / share.sum()
        colour = table[rng.choice(len(table), p=share)] * rng.uniform(0.7, 1.2)
        faded = colour + (colour.mean() - colour) * rng.uniform(0.0, 0.7)
        return np.clip(faded + rng.normal(0, 3, 3), 6, 240)

    tall = rng.uniform(1.05, 1.45) if rng.random() < 0.12 else rng.normal(1.72, 0.08)
    return Looks(
        tall,
        rng.uniform(0.92, 1.25),
        pick(CLOTHES, CLOTHES_SHARE),
        pick(TROUSERS, TROUSERS_SHARE),
        pick(SKINS) * 0.8,
        pick(HAIRS),
        pick(TROUSERS, TROUSERS_SHARE) * (0.6 if rng.random() < 0.85 else 3.0),
        pick(CLOTHES, CLOTHES_SHARE),
        *(rng.random(6) < (0.3, 0.14, 0.25, 0.3, 0.2, 0.3)),
    )


def walker(who: Looks, phase: float, stride: float, owner: int = 0) -> list[Part]:
    """A person standing at the origin, looking along z. phase: radians of the step. stride: 0 standing to 1 walking."""
    h = who.tall
    swing, parts = 0.5 * stride * np.sin(phase), []
    for side, turn in ((-1, swing), (1, -swing)):
        hip = np.array([side * 0.055 * h, 0.50 * h, 0])
        bend = stride * 0.5 * max(0.0, np.cos(phase) * side) + 0.06
        knee = hip + _down(0.245 * h, turn + 0.06)
        ankle = knee + _down(0.235 * h, turn - bend)
        parts += _leg(who, hip, knee, ankle, owner)
        shoulder = np.array([side * 0.104 * h * who.stout, 0.805 * h, 0])
        elbow = shoulder + _down(0.175 * h, -turn * 0.9) + (side * 0.02 * h, 0, 0)
        hand = elbow + _down(0.165 * h, -turn * 0.9 + 0.25)
        parts += _arm(who, shoulder, elbow, hand, owner)
        if who.bag and side == 1:
            low = hand - (0, 0.16 * h, 0)
            parts.append(
                part(
                    [hand - (0, 0.06 * h, 0.03 * h), hand + (0, -0.06 * h, 0.04 * h), low, low + (0, 0, 0.06)],
                    0.03 * h,
                    who.extra,
                    owner,
                )
            )
    hem = 0.30 if who.coat or who.skirt else 0.49
    return parts + _trunk(who, np.array([0, 0.80 * h, 0.01]), np.array([0, 0.52 * h, 0]), hem * h, owner)


def seated(who: Looks, saddle, grip, pedals, owner: int = 0, helmet=None) -> list[Part]:
    """A rider: hips on the saddle, hands at grip (right; mirrored left), feet on pedals (left, right). Points (3,)."""
    h, parts = who.tall, []
    hips = np.asarray(saddle, float) + (0, 0.06, 0)
    lean = np.clip((grip[2] - hips[2]) * 0.42, 0.05, 0.42)
    chest = hips + (0, np.sqrt((0.29 * h) ** 2 - min(lean, 0.28 * h) ** 2), lean)
    for side, pedal in zip((-1, 1), pedals):
        hip = hips + (side * 0.06 * h, 0, 0)
        foot = np.asarray(pedal, float) + (0, 0.06, 0)
        parts += _leg(who, hip, _joint(hip, foot, 0.245 * h, 0.24 * h, 1), foot, owner)
        hand = np.array([side * grip[0], grip[1], grip[2]])
        shoulder = chest + (side * 0.11 * h, -0.01, 0)
        parts += _arm(who, shoulder, _joint(shoulder, hand, 0.17 * h, 0.17 * h, -1), hand, owner)
    parts += _trunk(who, chest, hips, None, owner)
    if helmet is not None:
        head = chest + (0, 0.125 * h, 0.03)
        parts.append(part([head + (0, 0.02, -0.02), head + (0, 0.05, 0.02)], 0.082 * h, helmet, owner))
    return parts


def _down(length: float, angle: float) -> np.ndarray:
    return np.array([0, -np.cos(angle), np.sin(angle)]) * length


def _joint(a, b, first: float, second: float, forward: int) -> np.ndarray:
    """The knee or elbow between a and b, bent forwards (1) or down and back (-1)."""
    span = b - a
    reach = min(np.linalg.norm(span), (first + second) * 0.98)
    direction = span / (np.linalg.norm(span) + 1e-9)
    along = (reach**2 + first**2 - second**2) / (2 * reach)
    out = np.sqrt(max(first**2 - along**2, 0.0))
    across = np.array([0, -direction[2], direction[1]])
    across = across / (np.linalg.norm(across) + 1e-9)
    if across[2] * forward < 0:
        across = -across
    return a + direction * along + across * out


def _leg(who, hip, knee, ankle, owner):
    h = who.tall * who.stout
    shin = who.skin if who.skirt else who.legs
    toe = ankle + (0, -0.02 * h, 0.085 * h)
    return [
        part([hip, knee], [0.056 * h, 0.040 * h], shin if who.skirt else who.legs, owner),
        part([knee, ankle], [0.038 * h, 0.027 * h], shin * 0.8, owner),  # the ground keeps the sky's light away
        part([ankle - (0, 0.01, 0.02), toe], [0.026 * h, 0.02 * h], who.shoes, owner),
    ]


def _arm(who, shoulder, elbow, hand, owner):
    h = who.tall
    sleeve = who.skin if who.bare_arms else who.top
    return [
        part([shoulder, elbow], [0.034 * h * who.stout, 0.028 * h], who.top * 0.92, owner),
        part([elbow, hand], [0.026 * h, 0.02 * h], sleeve * 0.95, owner),
        part([hand], 0.022 * h, who.skin, owner),
    ]


def _trunk(who, chest, hips, hem, owner):
    h, s = who.tall, who.stout
    wide, waist = 0.084 * h * s, 0.058 * h * s
    joints = [chest - (wide, 0, 0), chest + (wide, 0, 0), hips - (waist, 0, 0), hips + (waist, 0, 0)]
    parts = [part(joints, [0.04 * h, 0.04 * h, 0.052 * h, 0.052 * h], who.top, owner)]
    if hem is not None and hem < 0.45 * h:
        flare, cloth = waist * 1.25, who.top if who.coat else who.legs
        low = np.array([0, hem, 0])
        parts.append(
            part(
                [hips - (waist, 0, 0), hips + (waist, 0, 0), low - (flare, 0, 0), low + (flare, 0, 0)],
                0.05 * h,
                cloth * 0.97,
                owner,
            )
        )
    neck, head = chest + (0, 0.045 * h, 0.005), chest + (0, 0.115 * h, 0.03)
    parts += [
        part([neck, head], 0.03 * h, who.skin * 0.85, owner),
        part([head - (0, 0.02 * h, 0), head + (0, 0.022 * h, 0)], [0.042 * h, 0.048 * h], who.skin, owner),
        part(
            [head + (0, 0.03 * h, -0.022 * h), head + (0, -0.002 * h, -0.034 * h)],
            [0.050 * h, 0.040 * h],
            who.extra if who.cap else who.hair,
            owner,
        ),
    ]
    if who.pack:
        parts.append(
            part(
                [
                    chest + (0.05 * h, -0.03, -0.1 * h),
                    chest + (-0.05 * h, -0.03, -0.1 * h),
                    hips + (0.05 * h, 0.06 * h, -0.1 * h),
                    hips + (-0.05 * h, 0.06 * h, -0.1 * h),
                ],
                0.05 * h,
                who.extra,
                owner,
            )
        )
    return parts
