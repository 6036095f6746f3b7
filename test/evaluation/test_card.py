"""What benchmarks write on the card of a model."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tiny_model import write_tiny_model  # noqa: E402

from benchmarks.card import put_on_card  # noqa: E402
from instance_seg_node.model_spec import ModelSpec  # noqa: E402


def test_figures_join_those_of_other_benchmarks_and_replace_their_own(tmp_path):
    write_tiny_model(tmp_path)
    before = ModelSpec.load(tmp_path)
    put_on_card(tmp_path, {"AP": 0.1, "ms": 30})
    put_on_card(tmp_path, {"IoU": 0.123456, "AP": 0.2})
    after = ModelSpec.load(tmp_path)
    assert after.measured == before.measured | {"AP": 0.2, "ms": 30, "IoU": 0.1235}
    assert after.model_copy(update={"measured": before.measured}) == before
