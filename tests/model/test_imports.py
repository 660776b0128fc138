"""Imports go one way, and what is heavy stays out of the default path."""

import ast
import subprocess
import sys

import pytest

from tests.conftest import ROOT

MAY_IMPORT = {
    "nghiquyet": set(),
    "nghiquyet_training": {"nghiquyet"},
    "nghiquyet_annotations": {"nghiquyet"},
}
FOLDERS = {"nghiquyet": "model", "nghiquyet_training": "training", "nghiquyet_annotations": "annotations"}


def imported(package: str) -> set[str]:
    """The project's packages that `package` imports."""
    found = set()
    for path in (ROOT / FOLDERS[package] / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found & MAY_IMPORT.keys() - {package}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_one_way(package: str) -> None:
    assert imported(package) <= MAY_IMPORT[package]


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_predict_leaves_torch_and_transformers_out() -> None:
    loaded = modules_after("import nghiquyet; nghiquyet.predict('Bí thư Huyện ủy Thanh Oai')")
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "transformers", "underthesea", "sklearn", "pydantic", "datasets"}


def test_import_alone_loads_neither_numpy_nor_runtime_nor_command_line() -> None:
    assert not modules_after("import nghiquyet") & {"numpy", "onnxruntime", "torch", "typer", "rich"}


def test_the_annotation_commands_work_without_training_packages() -> None:
    loaded = modules_after("import nghiquyet_annotations.cli")
    assert not loaded & {"torch", "transformers", "label_studio_sdk", "onnxruntime"}


def test_what_is_looked_up_late_is_there() -> None:
    import nghiquyet

    assert {"Predictor", "predict", "predict_batch", "__version__"} <= set(dir(nghiquyet))
    assert nghiquyet.Predictor.__module__ == "nghiquyet.predictor"
    with pytest.raises(AttributeError, match="no attribute 'Predicter'"):
        nghiquyet.Predicter  # noqa: B018
