"""YAML of a stranger: read as values, or refused in one line that names the file and the cause."""

import os
from pathlib import Path

import pytest

from instance_seg_node.datasets.folder import read as read_folder
from instance_seg_node.errors import InputError
from instance_seg_node.files.yaml_files import MAX_BYTES, MAX_DEPTH, read_yaml
from instance_seg_node.model_spec import ModelSpec
from instance_seg_node.training.recipe import Recipe

RECIPES = Path(__file__).parents[1] / "config" / "recipes"
LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
CHAIN = "- &a0 []\n" + "".join(f"- &a{i} [[[*a{i - 1}]]]\n" for i in range(1, 400))
REFUSED = {
    "a bomb of aliases": (LAUGHS.encode(), f"it has more than {MAX_BYTES} values in line 7, its aliases written out"),
    "an alias of itself": (b"&a [*a]", "the alias [*]a stands for nothing that ends before it"),
    "lists that aliases nest": (CHAIN.encode(), "nested more than 32 deep in line 12, its aliases written out"),
    "nested lists": (b"[" * 50_000, "nested more than 32 deep in line 1"),
    "nested mappings": (b"{a: " * 50_000, "nested more than 32 deep"),
    "nested blocks": (b"- " * 50_000, "nested more than 32 deep"),
    "more than a model could need": (b"a" * (MAX_BYTES + 1), f"it has more than {MAX_BYTES} bytes"),
    "Latin 1": ("name: Stra\xdfe".encode("latin1"), "can't decode byte 0xdf"),
    "UTF-16": ("name: street".encode("utf-16"), "can't decode byte 0xff"),
    "a NUL": (b"name: a\0b", "control characters are not allowed|special characters are not allowed"),
    "half of a pair of surrogates": (rb'name: "\ud800"', "Unicode"),
    "a date that is none": (b"name: 2001-99-99", "month must be in 1..12"),
    "a tag that its value does not fit": (b"name: !!timestamp x", "a value is not what it looks like or its tag says"),
    "a number of 5000 digits": (b"name: " + b"9" * 5000, "Exceeds the limit"),
    "a Python object": (b"!!python/object/apply:os.system [true]", "could not determine a constructor"),
    "two documents": (b"--- a\n--- b\n", "expected a single document"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("load", [
    lambda folder: ModelSpec.load(folder), lambda folder: Recipe.load(folder / "model.yaml")], ids=["model", "recipe"])
def test_a_file_that_cannot_be_meant_is_refused_in_one_line_with_its_cause(case, load, tmp_path):
    content, cause = REFUSED[case]
    (tmp_path / "model.yaml").write_bytes(content)
    with pytest.raises(InputError, match=cause) as caught:
        load(tmp_path)
    assert str(tmp_path / "model.yaml") in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_classes_of_own_labels_are_read_within_the_same_limits(tmp_path):
    (tmp_path / "classes.yaml").write_text(LAUGHS)
    with pytest.raises(InputError, match="classes.yaml is not YAML: it has more than"):
        read_folder(tmp_path, "all", None)


def test_what_is_nested_as_deep_as_allowed_is_read(tmp_path):
    (tmp_path / "deep.yaml").write_text("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert read_yaml(tmp_path / "deep.yaml")


def test_aliases_of_what_is_small_are_written_out(tmp_path):
    (tmp_path / "recipe.yaml").write_text("base: &base {a: 1, b: &two [2]}\nother: {<<: *base, c: *two}")
    assert read_yaml(tmp_path / "recipe.yaml")["other"] == {"a": 1, "b": [2], "c": [2]}


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)],
                         ids=["a pipe", "a folder", "an endless device"])
def test_what_is_no_file_is_refused_and_not_waited_for(make, tmp_path):
    make(tmp_path / "model.yaml")
    with pytest.raises(InputError, match="model.yaml cannot be read .it is not a file."):
        ModelSpec.load(tmp_path)


@pytest.mark.parametrize("value", ["0x" + "f" * 5000, ".inf", ".nan", "[" + "x, " * 50 + "]", "!!binary aGk="])
def test_a_value_of_a_wrong_kind_is_named_with_its_key_and_cut_to_a_line(value, tmp_path):
    (tmp_path / "model.yaml").write_text(f"thresholds: {{seed: {value}}}")
    with pytest.raises(InputError, match="thresholds.seed: ") as caught:
        ModelSpec.load(tmp_path)
    assert max(map(len, str(caught.value).splitlines())) < 400


def test_of_very_many_problems_the_first_are_named_and_the_rest_counted(tmp_path):
    (tmp_path / "model.yaml").write_text("\n".join(f"key{i}: 1" for i in range(1000)))
    with pytest.raises(InputError, match="and 985 more$"):
        ModelSpec.load(tmp_path)


def test_a_recipe_for_a_network_larger_than_a_model_may_be_is_refused_before_the_training(tmp_path):
    recipe = (RECIPES / "street.yaml").read_text().replace("input_height: 256", "input_height: 16384")
    (tmp_path / "recipe.yaml").write_text(recipe)
    with pytest.raises(InputError, match="input_height: Input should be less than or equal to 8192"):
        Recipe.load(tmp_path / "recipe.yaml")
