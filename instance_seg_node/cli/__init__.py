"""`instance-seg`: the program for everything but the node. One file per command.

What a command needs is imported when it runs, so that `--help` is fast and needs neither torch nor rclpy.
Exit status: 0 done, 2 wrong usage or input (one line on stderr says what), 130 Ctrl-C, 1 anything else.
"""

import os
import signal
import sys

# Read by OpenCV when it is loaded. Its own limit allows images of 3 GB; ours is that of encodings.MAX_PIXELS. What it
# would print about a damaged file is said by our own line.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import typer  # noqa: E402

from ..errors import InputError  # noqa: E402
from . import bag, bench, build, datasets, demo, evaluate, export, models, segment, train  # noqa: E402

PROGRAM = "instance-seg"

UsageError = typer.BadParameter.__base__  # typer has it from click, or brings its own: only the subclass is public

app = typer.Typer(name=PROGRAM, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False,
                  context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
for command in (demo.demo, segment.segment, bag.bag, train.train, evaluate.evaluate, export.export,
                build.build, models.models):
    app.command()(command)
app.add_typer(datasets.app, name="datasets")
app.add_typer(bench.app, name="bench")

EXTRAS = {"torch": "train", "lightning_fabric": "train", "tensorboard": "train", "onnx": "train",
          "onnxscript": "train", "cityscapesscripts": "evaluate",
          "rclpy": "ros", "sensor_msgs": "ros", "vision_msgs": "ros"}
"""Module -> extra of the package that brings it."""


@app.callback()
def instance_seg() -> None:
    """Instance masks from images, videos and ROS bags; training and export of the networks.

    The ROS 2 node is started by `ros2 launch instance_seg_node segment.launch.py`.

    \b
    Example: instance-seg segment photo.jpg --out results
    """


def main(arguments: list[str] | None = None) -> int:
    """Run a command line (default: that of the process). Returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    previous = signal.signal(signal.SIGTERM, _terminated)  # so that half-written files are removed
    try:
        status = app(arguments, prog_name=PROGRAM, standalone_mode=False) or 0
        print(end="", flush=True)
        return _said("interrupted", 130) if status == 130 else status
    except UsageError as error:
        context = error.ctx.command_path if error.ctx else PROGRAM
        return _said(f"{error.format_message().splitlines()[0].rstrip('.')}. See: {context} --help", 2)
    except InputError as error:
        return _said(" ".join(line.strip() for line in str(error).splitlines()), 2)
    except ModuleNotFoundError as error:
        return _said(_missing(error, arguments[0]), 1)
    except OSError as error:
        _drop_output()
        return _said(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)
    except (KeyboardInterrupt, typer.Abort):
        return _said("interrupted", 130)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _said(text: str, status: int) -> int:
    print(f"{PROGRAM}: {text}", file=sys.stderr)
    return status


def _drop_output() -> None:
    """Forget what stdout cannot take: Python would try again at the very end, and change the status."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _missing(error: ModuleNotFoundError, command: str) -> str:
    """One line about an extra that is not installed. Anything else that is missing is a fault of ours."""
    module = (error.name or "").partition(".")[0]
    if module not in EXTRAS:
        raise error
    return f"{command} needs {module}: pip install 'instance_seg_node[{EXTRAS[module]}]'"


def _terminated(number, frame) -> None:
    sys.exit(128 + number)
