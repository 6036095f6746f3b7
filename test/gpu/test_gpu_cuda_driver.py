"""Graphs and resets through CUDA's driver, with a stand-in for its library: what it is asked, and what it refuses."""

import ctypes

import pytest

from instance_seg_node.gpu import cuda_driver
from instance_seg_node.gpu.cuda_driver import CudaError, Graph, reset_primary_context

STREAM, GRAPH, EXECUTABLE, REFUSED = 0xBEEF, 0xCAFE, 0xFACE, 900


class FakeLibrary:
    """libcuda that notes what it is asked, and refuses `refused`."""

    def __init__(self):
        self.log, self.refused = [], ""

    def __getattr__(self, name):
        def function(*arguments):
            self.log.append(name)
            values = [getattr(argument, "value", None) for argument in arguments]
            if name == "cuStreamBeginCapture_v2":
                assert values == [STREAM, cuda_driver.THREAD_LOCAL]
            if name == "cuStreamEndCapture":
                assert values[0] == STREAM
                arguments[1]._obj.value = GRAPH
            if name == "cuGraphInstantiateWithFlags":
                assert values[1:] == [GRAPH, 0]
                arguments[0]._obj.value = EXECUTABLE
            if name == "cuGraphLaunch":
                assert values == [EXECUTABLE, STREAM]
            if name == "cuGetErrorName":
                assert values[0] == REFUSED
                arguments[1]._obj.value = b"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"
            return REFUSED * (name == self.refused)
        return function


@pytest.fixture
def library(monkeypatch):
    library = FakeLibrary()
    monkeypatch.setattr(cuda_driver, "library", lambda: library)
    return library


def test_work_is_captured_once_and_launched_as_often_as_one_likes(library):
    graph = Graph(STREAM, lambda: library.log.append("work"))
    graph()
    graph()
    del graph
    assert library.log == ["cuStreamBeginCapture_v2", "work", "cuStreamEndCapture", "cuGraphInstantiateWithFlags",
                           "cuGraphDestroy", "cuGraphLaunch", "cuGraphLaunch", "cuGraphExecDestroy"]


def test_a_stream_is_not_left_captured_by_work_that_fails(library):
    with pytest.raises(ZeroDivisionError):
        Graph(STREAM, lambda: 1 / 0)
    assert library.log == ["cuStreamBeginCapture_v2", "cuStreamEndCapture"]


@pytest.mark.parametrize("refused", ["cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags",
                                     "cuGraphDestroy", "cuGraphLaunch"])
def test_every_refusal_is_an_error_by_cudas_name_for_it(library, refused):
    library.refused = refused
    with pytest.raises(CudaError, match=f"{refused}: CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"):
        Graph(STREAM, lambda: None)()
    if "cuGraphInstantiateWithFlags" in library.log:
        assert "cuGraphDestroy" in library.log


def test_a_context_that_has_failed_is_reset_on_its_own_gpu(library):
    def get(device, ordinal):
        assert ordinal.value == 1
        device._obj.value = 7
        return 0

    library.cuDeviceGet, seen = get, []
    library.cuDevicePrimaryCtxReset_v2 = lambda device: seen.append(device.value) or 0
    reset_primary_context(1)
    assert seen == [7]


def test_the_functions_exist_under_these_names_where_there_is_a_driver():
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        pytest.skip("no NVIDIA driver is installed")
    for name in ("cuStreamBeginCapture_v2", "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphDestroy",
                 "cuGraphLaunch", "cuGraphExecDestroy", "cuDevicePrimaryCtxReset_v2", "cuGetErrorName"):
        assert hasattr(driver, name)
