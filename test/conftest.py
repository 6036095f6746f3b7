"""What every test relies on."""

import signal

import pytest
from processes import process_of
from tiny_model import write_tiny_model

# A shell that starts the suite in the background has it ignore SIGINT, and every program that it starts inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Folder of the tiny model."""
    folder = tmp_path_factory.mktemp("model") / "tiny"
    write_tiny_model(folder)
    return folder


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Where several processes share the tests (`pytest -n auto`), those over real topics have one to themselves, since
    each starts nodes; and a module's fixtures are made once."""
    from xdist.scheduler import LoadScopeScheduling

    class ByProcess(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return process_of(config.rootpath, nodeid)

    return ByProcess(config, log)
