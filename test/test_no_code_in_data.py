"""No file that is read can hold code: no pickle, no evaluated text, no shell; read from the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "instance_seg_node"
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
LOADERS = {"yaml.SafeLoader", "yaml.CSafeLoader", "Loader"}
"""The last one is ours, of files/yaml_files.py; yaml.Loader makes objects."""


def dangers(code: str) -> Iterator[str]:
    """What in a source could run what it reads."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            yield node.module
        elif isinstance(node, ast.Call):
            yield from _danger_of_call(ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords},
                                       [ast.unparse(argument) for argument in node.args])


def _danger_of_call(name: str, keywords: dict, arguments: list[str]) -> Iterator[str]:
    loader = (arguments[1:2] or [keywords.get("Loader", "")])[0]
    if (name in BUILTINS or name == "os.system" or keywords.get("shell", "False") != "False"
            or keywords.get("allow_pickle", "False") != "False"
            or name == "torch.load" and keywords.get("weights_only") != "True"
            or name in ("yaml.load", "yaml.load_all") and loader not in LOADERS
            or name.startswith(("yaml.unsafe", "yaml.full"))):
        yield name


def test_nothing_that_is_read_can_bring_code():
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 50
    assert {path.name: found for path in files if (found := list(dangers(path.read_text())))} == {}


def test_yaml_has_the_safe_loader():
    import yaml

    from instance_seg_node.files.yaml_files import Loader
    assert issubclass(Loader, yaml.constructor.SafeConstructor)
    assert not issubclass(Loader, yaml.constructor.FullConstructor)


@pytest.mark.parametrize("code", [
    "import pickle", "from pickle import loads", "import joblib.parallel", "def late():\n    import dill",
    "torch.load(path)", "torch.load(path, weights_only=False)", "numpy.load(path, allow_pickle=True)",
    "yaml.load(text, yaml.Loader)", "yaml.load(text)", "yaml.unsafe_load(text)", "yaml.full_load(text)",
    "eval(text)", "exec(text)", "os.system(text)", "subprocess.run(text, shell=True)"])
def test_what_could_bring_code_is_found(code):
    assert list(dangers(code))


@pytest.mark.parametrize("code", [
    "torch.load(path, weights_only=True)", "numpy.load(path, allow_pickle=False)", "yaml.safe_load(text)",
    "yaml.load(text, Loader)", "yaml.load(text, Loader=yaml.SafeLoader)", "network.eval()", "re.compile(text)",
    "subprocess.run([text])"])
def test_what_cannot_is_not(code):
    assert list(dangers(code)) == []
