"""Models by name and by folder."""

import json

import pytest
from tiny_model import write_tiny_model

from instance_seg_node import models
from instance_seg_node.cli import main
from instance_seg_node.errors import InputError


@pytest.fixture
def share(tmp_path, monkeypatch):
    """An installation that ships a model `street`."""
    write_tiny_model(tmp_path / "models" / "street", name="street")
    (tmp_path / "models" / "notes").mkdir()
    monkeypatch.setattr(models, "share_folder", lambda: tmp_path)
    return tmp_path


def test_a_shipped_model_is_found_by_name(share):
    assert models.shipped() == [share / "models" / "street"]
    assert models.find_model("street") == share / "models" / "street"


def test_any_model_is_found_by_its_folder(share, tmp_path):
    write_tiny_model(tmp_path / "mine")
    assert models.find_model(tmp_path / "mine") == tmp_path / "mine"
    assert models.find_model(str(tmp_path / "mine")) == tmp_path / "mine"


def test_a_shipped_name_wins_over_a_folder_here(share, tmp_path, monkeypatch):
    write_tiny_model(tmp_path / "here" / "street")
    monkeypatch.chdir(tmp_path / "here")
    assert models.find_model("street") == share / "models" / "street"
    assert models.find_model("./street").resolve() == tmp_path / "here" / "street"


def test_an_unknown_model_is_refused_naming_the_shipped_ones(share, tmp_path):
    with pytest.raises(InputError, match=r"'city' is neither a shipped model nor a model folder\. Shipped: street\."):
        models.find_model("city")
    with pytest.raises(InputError, match="is a folder without model.yaml"):
        models.find_model(tmp_path)


def test_models_lists_what_is_shipped(share, capsys):
    assert main(["models"]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "method", "input", "classes", "measured", "licence", "path"]
    assert row.split() == ["street", "spatial_embedding", "128x64", "car", "person", "-", "Apache-2.0",
                           str(share / "models" / "street")]


def test_models_as_json_holds_the_whole_card(share, capsys):
    assert main(["models", "--json"]) == 0
    [card] = json.loads(capsys.readouterr().out)
    assert card["name"] == "street"
    assert card["path"] == str(share / "models" / "street")
    assert [c["name"] for c in card["classes"]] == ["car", "person"]
    assert card["provenance"]["licence"] == "Apache-2.0"


def test_models_says_so_if_none_is_shipped(share, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(models, "share_folder", lambda: tmp_path / "nowhere")
    assert main(["models"]) == 0
    assert "no model is shipped with this installation" in capsys.readouterr().out
