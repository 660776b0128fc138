"""What runs the encoder. A backend maps piece ids to label logits, numpy at the border."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from nghiquyet.bpe import PAD_ID
from nghiquyet.errors import ArtefactError, MissingExtraError

if TYPE_CHECKING:
    from transformers import RobertaForTokenClassification

ONNX_FILE = "model.onnx"
TORCH_FILE = "model.safetensors"
# The fused kernel takes five times as long as the addition and the layer norm that it replaces (ONNX Runtime 1.32).
SLOW_FUSIONS = ["SkipLayerNormFusion"]


class Backend(Protocol):
    """Runs a token classifier. Several threads may call it at once."""

    calls: int
    """Calls at once that keep the machine busy."""
    batch_pieces: int
    """Pieces, padding counted, up to which windows run faster together than alone; 1 where they never do."""

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Ids (B, T), padded with `<pad>` -> logits (B, T, L)."""
        ...


class OnnxBackend:
    """ONNX Runtime on the CPU; `threads` None takes all cores this process may use.

    A call keeps to its own thread. Calls side by side waste nothing on waiting for each other, and a batch is no
    faster here than its windows one by one.
    """

    batch_pieces = 1

    def __init__(self, model: Path, threads: int | None = None) -> None:
        import onnxruntime as ort

        self.calls = threads or usable_cores()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        try:
            self._session = ort.InferenceSession(
                str(model), options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW_FUSIONS
            )
        except Exception as error:  # the runtime's own kinds share no public base
            raise ArtefactError(
                f"{model} is not a model that ONNX Runtime {ort.__version__} can run: {error}"
            ) from error

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        mask = (ids != PAD_ID).astype(np.int64)
        logits: NDArray[np.float32] = self._session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]
        return logits


class TorchBackend:
    """A `RobertaForTokenClassification` in torch, in its own precision, on the device it is on.

    torch spreads one call over the cores by itself. Short windows run faster together, which moves logits by rounding.
    """

    calls = 1

    def __init__(self, model: "RobertaForTokenClassification") -> None:
        self._model = model
        self.batch_pieces = 1024 if model.device.type == "cpu" else 16_384

    @classmethod
    def load(cls, folder: Path, threads: int | None = None) -> Self:
        """The checkpoint in `folder`, in fp32, on the GPU where there is one. Needs the extra `torch`."""
        try:
            import torch
            from transformers import RobertaForTokenClassification
        except ImportError as error:
            raise MissingExtraError("the torch backend", "torch") from error
        if threads:
            torch.set_num_threads(threads)
        model = RobertaForTokenClassification.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return cls(model.eval().to(device))

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            inputs = torch.from_numpy(ids).to(self._model.device)
            logits = self._model(inputs, attention_mask=(inputs != PAD_ID).long()).logits
        result: NDArray[np.float32] = logits.float().cpu().numpy()
        return result


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
