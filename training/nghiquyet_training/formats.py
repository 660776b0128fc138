"""Writes a checkpoint in the form that a runtime reads: ONNX or OpenVINO, in fp32 or int8."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import RobertaForTokenClassification

from nghiquyet.bpe import UNK_ID
from nghiquyet.errors import MissingExtraError
from nghiquyet_training.graph import TaggerGraph

Ids = NDArray[np.int64]  # (1, T), one window

OPSET = 18
CALIBRATION_WINDOWS = 300  # more change the scales little and cost a run each


def write_onnx(
    model: RobertaForTokenClassification, path: Path, windows: Sequence[Ids] | None, *, fused: bool = True
) -> None:
    """ONNX in fp32; with `windows` in int8, whose scales are taken from each call: nothing is calibrated.

    `fused`: with ONNX Runtime's own attention, which takes no padding; else with standard operations and a mask.
    """
    graph = TaggerGraph(model, fused=fused)
    inputs = ["input_ids"] if fused else ["input_ids", "attention_mask"]
    if windows is None:
        _export_graph(graph, path, inputs)
        return
    plain = path.with_suffix(".fp32.onnx")
    _export_graph(graph, plain, inputs)
    quantize_dynamic(plain, path, per_channel=True, weight_type=QuantType.QInt8)
    plain.unlink()


def write_openvino(model: RobertaForTokenClassification, path: Path, windows: Sequence[Ids] | None) -> None:
    """OpenVINO's `.xml` and `.bin`, weights in fp16; with `windows` in int8, its scales calibrated on these by NNCF."""
    os.environ.setdefault("NNCF_CI", "1")  # it would report its use to its makers
    try:
        import nncf
        import openvino
    except ImportError as error:
        raise MissingExtraError("an export for OpenVINO", "quantise") from error
    plain = path.with_suffix(".fp32.onnx")
    _export_graph(TaggerGraph(model), plain, ["input_ids", "attention_mask"])
    graph = openvino.Core().read_model(plain)  # convert_model reports its use to its makers, from a forked process
    if windows is not None:
        inputs = [{"input_ids": ids, "attention_mask": np.ones_like(ids)} for ids in windows[:CALIBRATION_WINDOWS]]
        graph = nncf.quantize(
            graph, nncf.Dataset(inputs), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(inputs)
        )
    openvino.save_model(graph, path)
    plain.unlink()


def _export_graph(graph: TaggerGraph, path: Path, inputs: list[str]) -> None:
    ids = torch.randint(UNK_ID + 1, graph.embeddings.word_embeddings.num_embeddings - 1, (2, 16))
    axes = {0: "batch", 1: "pieces"}
    torch.onnx.export(
        graph.eval(),  # a module in training mode comes back in it: the exporter restores the flag
        (ids, torch.ones_like(ids))[: len(inputs)],
        str(path),
        input_names=inputs,
        output_names=["logits"],
        dynamic_axes=dict.fromkeys([*inputs, "logits"], axes),
        opset_version=OPSET,
        custom_opsets={"com.microsoft": 1} if graph.fused else None,
        dynamo=False,
    )
