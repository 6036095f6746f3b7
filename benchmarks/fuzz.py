"""Many drawn inputs of every kind that a stranger can give: each is read or refused with its cause, or it is a finding.

    python benchmarks/fuzz.py [--cases 100000] [--seed N] [--targets NAME ...] [--seconds 10] [--memory 2048]

Every target of test/fuzz/fuzz_targets.py runs in a process of its own, so that a crash is seen. A finding is another
exception than FrameError or InputError, a refusal without a cause, a case of more than --seconds, a process that dies,
and memory: more than --memory MB beyond what the program takes by itself is not given. Writes
benchmarks/results/fuzz.json, with --targets the rows of these alone; exits with 1 if anything was found. The cases
found so far are in test/fuzz/test_fuzz_found.py.
"""

import argparse
import faulthandler
import json
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "test"), str(HERE.parent / "test" / "fuzz")]

import instance_seg_node.cli  # noqa: E402, F401  (first: it sets OpenCV's own limit)
from instance_seg_node.bench.machine import write_results  # noqa: E402

PACKAGES = ("hypothesis", "numpy", "opencv-python-headless", "PyYAML", "pydantic", "onnxruntime", "rosbags",
            "pycocotools")


class TooLong(BaseException):
    """Not an Exception: what reads a damaged file catches those."""


def fuzz(name: str, cases: int, seed: int, seconds: float, memory_mb: int) -> dict:
    """Outcomes and findings of at least so many cases of a target, in this process."""
    from fuzz_targets import TARGETS, outcome
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    target, counts, found = TARGETS[name], Counter(), {}

    def run(case) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            counts[outcome(target, case)] += 1
        except (Exception, TooLong) as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            counts["FOUND"] += 1
            found.setdefault(f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}",
                             {"said": str(error)[:500], "case": repr(case)[:20000]})
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    _guard(seconds, memory_mb)
    draw = settings(deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    while counts.total() < cases:
        part = settings(draw, max_examples=min(cases - counts.total(), 5000))  # hypothesis slows down as it remembers
        seeded(seed)(part(given(target.cases)(run)))()
        seed += 1
    return {"cases": counts.total(), "accepted": counts.pop("accepted", 0), "found": found,
            "refused": dict(counts.most_common())}


def _guard(seconds: float, memory_mb: int) -> None:
    """From now on a case that takes too long is interrupted, and one that wants too much memory gets none."""
    def interrupt(*_):
        raise TooLong(f"more than {seconds} s")

    signal.signal(signal.SIGALRM, interrupt)
    faulthandler.enable()
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _apart(name: str, cases: int, options: argparse.Namespace) -> dict:
    """The results of a target in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--cases", str(cases), "--seed", str(options.seed),
               "--seconds", str(options.seconds), "--memory", str(options.memory)]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")  # libpng and libjpeg say a lot
    if done.returncode:
        found = {f"the process ended with {done.returncode}": {"said": done.stderr[-3000:], "case": "unknown"}}
        result = {"cases": 0, "accepted": 0, "refused": {}, "found": found}
    else:
        result = json.loads(done.stdout.splitlines()[-1])
    return {**result, "seed": options.seed, "seconds": round(time.perf_counter() - started, 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000, help="of all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", nargs="+", default=[])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--memory", type=int, default=2048, metavar="MB")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(fuzz(options.one, options.cases, options.seed, options.seconds, options.memory)))
        return 0
    return _all(options)


def _all(options: argparse.Namespace) -> int:
    from fuzz_targets import TARGETS

    targets = {name: TARGETS[name] for name in options.targets or TARGETS}
    shares = sum(target.share for target in targets.values())
    results = {}
    for name, target in targets.items():
        results[name] = result = _apart(name, int(options.cases * target.share / shares) + 1, options)
        print(f"{name}: {result['cases']} cases, {result['accepted']} accepted, {result['seconds']} s", flush=True)
        for cause, count in list(result["refused"].items())[:12]:
            print(f"  {count:6} {cause}")
        for what, example in result["found"].items():
            print(f"  FOUND {what}: {example['said']}\n    {example['case']}")
    total, found = (sum(r["cases"] for r in results.values()), sum(len(r["found"]) for r in results.values()))
    print(f"{total} cases, {found} findings")
    path = HERE / "results" / "fuzz.json"
    if options.targets and path.exists():  # only these rows are new
        results = json.loads(path.read_text())["results"]["targets"] | results
    write_results(path, {"cases": sum(r["cases"] for r in results.values()), "targets": results}, *PACKAGES)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
