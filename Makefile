# `make demo` and `make test` do all their own set-up in .venv. They need Python >= 3.10, make and a C++ compiler.
#
# ROS 2 comes from PyPI wheels of one distribution, DISTRO, with vision_msgs built from interfaces/. Where a ROS 2
# distribution is sourced, its own packages are used, and its numpy (they are compiled against it); nothing is built.

MAKEFLAGS += --no-builtin-rules
DISTRO ?= kilted
ifeq ($(filter kilted jazzy,$(DISTRO)),)
$(error No wheels of ROS 2 $(DISTRO) are known. Type DISTRO=kilted or DISTRO=jazzy)
endif
VENV := $(if $(filter kilted,$(DISTRO)),.venv,.venv-$(DISTRO))
AUDIT := $(VENV)-audit
PYTHON ?= $(firstword $(foreach name,$(if $(filter jazzy,$(DISTRO)),python3.12) \
            python3 python3.14 python3.13 python3.12 python3.11 python3.10,\
            $(shell $(name) -c 'import sys; sys.version_info >= (3, 10) and print("$(name)")' 2>/dev/null)))
DISTRIBUTION := $(if $(AMENT_PREFIX_PATH),$(shell $(PYTHON) -c 'import rclpy; print("yes")' 2>/dev/null))

ifeq ($(DISTRIBUTION),yes)
venv_options := --system-site-packages
demo_extras := .
test_extras := .[train,evaluate,dev]
constraints := $(VENV)/constraints.txt
interfaces :=
else
demo_extras := .[ros]
test_extras := .[ros,train,evaluate,dev]
constraints := constraints.txt constraints-$(DISTRO).txt
lock := $(if $(filter kilted,$(DISTRO)),requirements.lock)
interfaces := $(VENV)/.vision_msgs
endif

install := $(VENV)/bin/python -m pip install -q --disable-pip-version-check

.PHONY: help demo test lint clean pin audit
.DELETE_ON_ERROR:

help:
	@echo 'make demo    simulated cameras -> node -> demo/: masks, summary.json, a table of rates and latencies'
	@echo 'make test    ruff and the whole test suite, for example: make test PYTEST="test/test_launch.py -v"'
	@echo '             in a process for each core: OMP_NUM_THREADS=1 make test PYTEST="-n auto"'
	@echo 'make lint    ruff alone'
	@echo 'make clean   remove .venv, demo/ and what was built'
	@echo 'make pin     write the versions now in .venv to constraints*.txt, with hashes to requirements.lock'
	@echo 'make audit   look up every version of constraints*.txt in the vulnerability data of PyPI'
	@echo
	@echo 'Another ROS 2: make test DISTRO=jazzy, which lives in .venv-jazzy'
	@echo 'Another Python: make demo PYTHON=python3.12'
	@echo 'A torch without CUDA: make test PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu'

demo: $(VENV)/.demo $(interfaces)
	$(VENV)/bin/instance-seg demo --out demo

test: $(interfaces) lint
	$(VENV)/bin/python -m pytest -q $(PYTEST)

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .

pin: $(VENV)/.test $(AUDIT)/.tools
	$(VENV)/bin/python .ci/pin.py $(DISTRO)
ifeq ($(DISTRO),kilted)
	$(AUDIT)/bin/uv pip compile -q pyproject.toml --extra ros --universal --python-version 3.10 --generate-hashes \
	  --no-annotate --custom-compile-command 'make pin' $(addprefix -c ,$(constraints)) -o requirements.lock
endif

# --strict, or a version that PyPI does not answer for would pass.
audit: $(AUDIT)/.tools
	$(AUDIT)/bin/pip-audit --strict --disable-pip --no-deps --progress-spinner off \
	  $(addprefix -r ,$(sort $(wildcard constraints*.txt))) \
	  || { echo 'PyPI knows a vulnerability of a version above, or not the version: then none was judged.' >&2; exit 1; }

clean:
	rm -rf $(VENV) $(AUDIT) demo build install log dist *.egg-info .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo 'No Python >= 3.10 was found. Install one, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo '$(PYTHON) is not a Python >= 3.10. Name another: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
	  || { echo '$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: sudo apt install python3-venv' >&2; exit 1; }
ifeq ($(DISTRIBUTION),yes)
	@$(PYTHON) -c 'import vision_msgs' 2> /dev/null \
	  || { echo 'ROS 2 $(ROS_DISTRO) is sourced, but without vision_msgs. Type: sudo apt install ros-$(ROS_DISTRO)-vision-msgs' >&2; exit 1; }
endif
	$(PYTHON) -m venv $(venv_options) $(VENV)

$(AUDIT)/.tools: | $(VENV)/bin/python
	$(VENV)/bin/python -m venv $(AUDIT)
	$(AUDIT)/bin/pip install -q --disable-pip-version-check pip-audit uv
	@touch $@

$(VENV)/constraints.txt: | $(VENV)/bin/python
	$(PYTHON) -c 'import numpy; print("numpy==" + numpy.__version__)' > $@

$(VENV)/.demo: pyproject.toml setup.py $(constraints) $(lock) | $(VENV)/bin/python
	@echo 'Installing packages into $(VENV), about a minute beside the download ...'
	$(if $(lock),$(install) --require-hashes -r $(lock))
	$(install) $(addprefix -c ,$(constraints)) -e '$(demo_extras)'
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	@echo 'Installing the packages for training and tests into $(VENV) ...'
	$(install) $(addprefix -c ,$(constraints)) -e '$(test_extras)'
	@touch $@

# The wheels' generators are found by prefix, and the environment must be the wheels' alone.
cmake := CMAKE_PREFIX_PATH=$(abspath $(VENV)) AMENT_PREFIX_PATH=$(abspath $(VENV)) \
         PATH="$(abspath $(VENV))/bin:$$PATH" $(VENV)/bin/cmake
build := $(VENV)/build/vision_msgs

$(VENV)/.vision_msgs: $(wildcard interfaces/vision_msgs/*.* interfaces/vision_msgs/msg/*.msg) | $(VENV)/.demo
	@{ command -v "$${CC:-cc}" && command -v "$${CXX:-c++}"; } > /dev/null \
	  || { echo 'No C++ compiler was found, and vision_msgs must be compiled. On Debian and Ubuntu: sudo apt install g++' >&2; exit 1; }
	@test -f "$$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" \
	  || { echo 'Python.h was not found, and vision_msgs must be compiled. On Debian and Ubuntu: sudo apt install python3-dev' >&2; exit 1; }
	@echo 'Building vision_msgs, about 20 s ...'
	@rm -rf $(build) && mkdir -p $(build)
	@{ $(cmake) -G Ninja -S interfaces/vision_msgs -B $(build) -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF \
	    -DCMAKE_INSTALL_PREFIX=$(abspath $(VENV)) -DPython3_EXECUTABLE=$(abspath $(VENV))/bin/python \
	  && $(cmake) --build $(build) && $(cmake) --install $(build) --strip; } > $(build)/log.txt 2>&1 \
	  || { tail -30 $(build)/log.txt >&2; echo 'vision_msgs did not build; the whole output is in $(build)/log.txt' >&2; exit 1; }
	@touch $@
