"""The network's input made on a device from a message's bytes is that of `rgb_of_image` and `shrink`, bit for bit."""

import platform
from types import SimpleNamespace

import numpy as np
import pytest
from cuda_on_cpu import CpuDevice

from instance_seg_node.encodings import ENCODINGS, rgb_of_image
from instance_seg_node.errors import FrameError
from instance_seg_node.gpu.conversion import Conversion, layout_of
from instance_seg_node.gpu.shrinking import shrinking
from instance_seg_node.resolution import shrink

# The camera's height and width, the network's, and how `shrink` goes from one to the other.
SIZES = {"same size": ((24, 32), (24, 32), 0, "mean"),
         "half": ((24, 32), (12, 16), 1, "mean"),
         "quarter": ((24, 32), (6, 8), 2, "mean"),
         "half, and more than a block of threads": ((4, 260), (2, 130), 1, "mean"),
         "half across": ((24, 32), (24, 16), 0, "mean"),
         "a third of a half": ((18, 36), (3, 6), 1, "mean"),
         "fractions": ((26, 34), (17, 20), 0, "area"),
         "fractions of a quarter": ((104, 136), (17, 20), 2, "area"),
         "fractions across": ((12, 34), (12, 20), 0, "area"),
         "larger": ((12, 16), (30, 36), 0, "linear"),
         "larger across, smaller down": ((24, 16), (13, 40), 0, "linear"),
         "to one pixel": ((64, 64), (1, 1), 6, "mean"),
         "from few pixels to one": ((4, 6), (1, 1), 1, "mean"),
         "from few pixels": ((4, 4), (5, 7), 0, "linear")}

# An OpenCV that fuses multiplication and addition rounds fractions of pixels otherwise.
LEVELS_OFF = 0 if platform.machine() in ("x86_64", "AMD64") else 1


def drawn(encoding, height, width, *, padding=0, big=0, seed=0):
    """A message of random bytes. The last row's padding is missing."""
    row = ENCODINGS[encoding]
    step = width * row.samples * row.sample_bytes + padding
    size = row.data_rows(height) * step - padding
    return message(encoding, height, width, np.random.default_rng(seed).integers(0, 256, size, np.uint8), step, big)


def message(encoding, height, width, data, step, big=0):
    return SimpleNamespace(encoding=encoding, height=height, width=width, step=step, is_bigendian=big, data=data)


def on_the_cpu(image, height, width):
    out = np.empty((height, width, 3), np.uint8)
    shrink(rgb_of_image(image), out)
    return out


def batch_of(device, slots, height, width):
    batch = device.array((slots, height, width, 3), np.uint8)
    device.zero(batch)
    return batch


def convert(device, image, batch, slot):
    conversion = Conversion(device, layout_of(image))
    conversion.load(image)
    conversion.send()
    conversion(batch, slot)


def converted(image, height, width, shuffle=0):
    device = CpuDevice(shuffle=shuffle)
    batch = batch_of(device, 1, height, width)
    convert(device, image, batch, 0)
    return device.download(batch)[0]


def assert_same(found, expected, levels_off=0):
    """Equal; or, with `levels_off`, as near as that in a hundredth of the values."""
    off = np.abs(found.astype(int) - expected)
    assert off.max() <= levels_off
    assert (off > 0).sum() <= 1 + off.size // 100


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_at_every_size_is_what_the_cpu_makes_of_it(encoding, size):
    camera, network, halvings, rule = SIZES[size]
    assert shrinking(camera, network)[:2] == (halvings, rule)
    image = drawn(encoding, *camera, padding=3)
    assert_same(converted(image, *network), on_the_cpu(image, *network), LEVELS_OFF if rule == "area" else 0)


@pytest.mark.parametrize("big", [0, 1], ids=["little endian", "big endian"])
@pytest.mark.parametrize("padding", [0, 1, 24])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_padding_and_byte_order_are_those_of_the_message(encoding, padding, big):
    image = drawn(encoding, 6, 8, padding=padding, big=big)
    assert_same(converted(image, 6, 8), on_the_cpu(image, 6, 8))


@pytest.mark.parametrize("encoding", [name for name, row in ENCODINGS.items() if row.cell == (1, 1)])
def test_the_smallest_picture_of_an_encoding_has_its_borders(encoding):
    least = ENCODINGS[encoding].smallest
    for height, width in ((least, least), (least, least + 1), (least + 1, least)):
        for network in ((height, width), (4, 5), (1, 1)):
            image = drawn(encoding, height, width, seed=height)
            assert_same(converted(image, *network), on_the_cpu(image, *network), LEVELS_OFF)


@pytest.mark.parametrize("seed", range(60))
def test_any_camera_fits_any_network(seed):
    sizes = np.random.default_rng(seed).integers(1, 50, 4)
    image, network = drawn("rgb8", *sizes[:2], seed=seed), [int(side) for side in sizes[2:]]
    assert_same(converted(image, *network, shuffle=seed), on_the_cpu(image, *network), LEVELS_OFF)


@pytest.mark.parametrize("mirrored", [False, True], ids=["u rises with v", "u falls with v"])
def test_the_colours_of_yuv_are_right_to_the_last_bit_of_each_coefficient(mirrored):
    luma, v = np.indices((256, 256), np.uint8)
    u = 255 - v if mirrored else v
    data = np.stack([luma[::2], u[::2], luma[1::2], v[::2]], axis=2)  # each luma with each chroma, pairs share it
    image = message("yuyv", 128, 512, data.reshape(-1), 1024)
    assert_same(converted(image, 128, 512), rgb_of_image(image))


@pytest.mark.parametrize("sent", [12, 18], ids=["height of the picture", "height of both planes"])
def test_two_planes_are_found_whichever_height_is_sent(sent):
    image = drawn("nv12", 12, 16)
    image.height = sent
    assert_same(converted(image, 6, 8), on_the_cpu(image, 6, 8))
    assert layout_of(image)[:2] == (12, 16)


def test_each_slot_gets_its_camera_and_others_keep_theirs():
    device = CpuDevice(shuffle=0)
    batch = batch_of(device, 3, 6, 8)
    images = [drawn("bgr8", 24, 32), drawn("nv12", 12, 16), drawn("mono16", 5, 7), drawn("bgr8", 24, 32, seed=1)]
    for image, slot in zip(images, (2, 0, 1, 2)):
        before = device.download(batch)
        convert(device, image, batch, slot)
        before[slot] = on_the_cpu(image, 6, 8)
        assert_same(device.download(batch), before, LEVELS_OFF)


def test_messages_of_one_layout_follow_each_other_through_the_same_memory():
    device = CpuDevice(shuffle=0)
    batch, images = batch_of(device, 1, 6, 8), [drawn("uyvy", 24, 32, seed=seed) for seed in range(3)]
    assert len({layout_of(image) for image in images}) == 1
    conversion = Conversion(device, layout_of(images[0]))
    for image in images:
        conversion.load(image)
        conversion.send()
        conversion(batch, 0)
        assert_same(device.download(batch)[0], on_the_cpu(image, 6, 8))


@pytest.mark.parametrize("change", [{"encoding": "bgr8"}, {"is_bigendian": 1, "encoding": "mono16", "width": 12},
                                    {"height": 5, "data": bytes(120)}, {"step": 24, "width": 7}], ids=str)
def test_messages_that_are_not_converted_alike_differ_in_their_layout(change):
    image = drawn("rgb8", 6, 8)
    before = layout_of(image)
    for field, value in change.items():
        setattr(image, field, value)
    assert layout_of(image) != before


@pytest.mark.parametrize("change", [{"encoding": "rgb9"}, {"width": 0}, {"height": 2**20}, {"step": 23}, {"step": 20},
                                    {"height": 7}, {"data": b""}], ids=str)
def test_a_wrong_frame_is_refused_as_on_the_cpu(change):
    image = drawn("rgb8", 6, 8)
    for field, value in change.items():
        setattr(image, field, value)
    with pytest.raises(FrameError) as on_cpu:
        rgb_of_image(image)
    with pytest.raises(FrameError) as caught:
        layout_of(image)
    assert str(caught.value) == str(on_cpu.value)
