"""What all tests share: hypothesis profiles, and the public models beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# Real models of other people's projects are not part of the repository.
MODELS = Path(__file__).resolve().parents[2] / "shared" / "models"
NO_MODELS = f"the public models are not there: no folder {'/'.join(MODELS.parts[-2:])} beside us"

# Tests of the compiled backend ask for it; all others are about the NumPy kernels.
os.environ.setdefault("PYTFLITE_BACKEND", "numpy")

# PYTFLITE_EMULATE=neon: the compiled backend is that of an emulated CPU.
if os.environ.get("PYTFLITE_EMULATE"):
    from tests.jit.foreign import install

    install(os.environ["PYTFLITE_EMULATE"])

hypothesis.settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=100, print_blob=True
)
hypothesis.settings.register_profile(
    "quick", derandomize=True, deadline=None, max_examples=20, print_blob=True
)
hypothesis.settings.register_profile("long", deadline=None, max_examples=20_000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of public models; tests that need it are skipped where it is missing."""
    if not MODELS.is_dir():
        pytest.skip(NO_MODELS)
    return MODELS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that takes `shared_model` (or `malformed_model`) once for each file."""
    folders = {"shared_model": MODELS, "malformed_model": MODELS / "malformed"}
    for name in folders.keys() & set(metafunc.fixturenames):
        paths = sorted(folders[name].glob("*.tflite")) if MODELS.is_dir() else []
        params = [pytest.param(path, id=path.stem) for path in paths]
        missing = pytest.param(None, marks=pytest.mark.skip(reason=NO_MODELS))
        metafunc.parametrize(name, params or [missing])
