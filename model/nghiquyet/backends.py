"""What runs the encoder. A backend maps piece ids to label logits, numpy at the border."""

import os
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, get_args

import numpy as np
from numpy.typing import NDArray

from nghiquyet.artefact import Artefact
from nghiquyet.bpe import PAD_ID
from nghiquyet.errors import ArtefactError, ConfigError, MissingExtraError

if TYPE_CHECKING:
    from transformers import RobertaForTokenClassification

BackendName = Literal["onnx", "openvino", "torch"]
Dtype = Literal["fp32", "bf16"]

ONNX_FILE = "model.onnx"
OPENVINO_FILE = "openvino.xml"
# What each backend reads of a model folder, the model itself first. The order is that of preference.
FILES = {
    "onnx": (ONNX_FILE,),
    "openvino": (OPENVINO_FILE, "openvino.bin"),
    "torch": ("model.safetensors", "config.json"),
}
# The fused kernel takes five times as long as the addition and the layer norm that it replaces (ONNX Runtime 1.32).
SLOW_FUSIONS = ["SkipLayerNormFusion"]


class Backend(Protocol):
    """Runs a token classifier. Several threads may call it at once."""

    calls: int
    """Calls at once that keep the machine busy."""
    batch_pieces: int
    """Pieces, padding counted, up to which windows run faster together than alone; 1 where they never do."""
    length_step: int
    """Windows are padded to a multiple of this, and only those of one length run together. 0: windows of any lengths
    do, padded to the longest."""
    is_exact: bool
    """Whether what runs beside a window of its length changes nothing for it, to the bit."""

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Ids (B, T), padded with `<pad>` -> logits (B, T, L)."""
        ...


class OnnxBackend:
    """ONNX Runtime on the CPU; `threads` None takes all cores this process may use.

    A call keeps to its own thread. Calls side by side waste nothing on waiting for each other, and a batch is no
    faster here than its windows one by one. A model without a mask among its inputs takes no padding.
    """

    batch_pieces = 1
    is_exact = False

    def __init__(self, model: Path, threads: int | None = None) -> None:
        import onnxruntime as ort

        self.calls = threads or usable_cores()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        try:
            self.session = ort.InferenceSession(
                str(model), options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW_FUSIONS
            )
        except Exception as error:  # the runtime's own kinds share no public base
            raise ArtefactError(
                f"{model} is not a model that ONNX Runtime {ort.__version__} can run: {error}"
            ) from error
        self.has_mask = any(each.name == "attention_mask" for each in self.session.get_inputs())
        self.length_step = 0 if self.has_mask else 1

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        inputs = {"input_ids": ids}
        if self.has_mask:
            inputs["attention_mask"] = _mask(ids)
        logits: NDArray[np.float32] = self.session.run(["logits"], inputs)[0]
        return logits


class OpenVinoBackend:
    """OpenVINO on the CPU; `threads` None takes all cores this process may use. Needs the extra `openvino`.

    A call keeps to its own thread, as with ONNX Runtime. The scales of an int8 model are fixed, and the runtime does
    the same sums for a window of a length whatever runs beside it: only windows of one length do. `dtype` is what the
    rest is computed in: the runtime would otherwise choose by the processor.
    """

    batch_pieces = 512
    length_step = 8  # each new length costs the runtime some milliseconds of compiling, once
    is_exact = True

    def __init__(self, model: Path, threads: int | None = None, dtype: Dtype = "fp32") -> None:
        try:
            import openvino
        except ImportError as error:
            raise MissingExtraError("the openvino backend", "openvino") from error
        self.calls = threads or usable_cores()
        options = {
            "INFERENCE_NUM_THREADS": self.calls,
            "NUM_STREAMS": self.calls,
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[dtype],
        }
        try:
            compiled = openvino.Core().compile_model(model, "CPU", options)
        except RuntimeError as error:
            raise ArtefactError(f"{model} is not a model that OpenVINO can run: {error}") from error
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self.calls):
            self._idle.put(compiled.create_infer_request())

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        request = self._idle.get()
        try:
            logits = request.infer({"input_ids": ids, "attention_mask": _mask(ids)})["logits"]
            return np.array(logits, dtype=np.float32)  # a copy: the next call writes over it
        finally:
            self._idle.put(request)


class TorchBackend:
    """A `RobertaForTokenClassification` in torch, in its own precision, on the device it is on.

    torch spreads one call over the cores by itself. Short windows run faster together, which moves logits by rounding.
    """

    calls = 1
    length_step = 0
    is_exact = False

    def __init__(self, model: "RobertaForTokenClassification") -> None:
        self._model = model
        self.batch_pieces = 1024 if model.device.type == "cpu" else 16_384

    @classmethod
    def load(cls, folder: Path, threads: int | None = None, dtype: Dtype = "fp32") -> Self:
        """The checkpoint in `folder`, on the GPU where there is one. Needs the extra `torch`."""
        try:
            import torch
            from transformers import RobertaForTokenClassification
        except ImportError as error:
            raise MissingExtraError("the torch backend", "torch") from error
        if threads:
            torch.set_num_threads(threads)
        precision = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
        model = RobertaForTokenClassification.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=precision
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


def load_backend(artefact: Artefact, name: str | None, threads: int | None, dtype: str | None) -> Backend:
    """The backend called `name`, or the first that the folder has a model for; its files are checked."""
    if name is None:
        name = next((known for known, files in FILES.items() if artefact.manifest.files.keys() >= set(files)), "torch")
    if name not in FILES:
        raise ConfigError(f"no backend is called {name!r}; there are: {', '.join(FILES)}")
    if dtype not in (None, *get_args(Dtype)):
        raise ConfigError(f"no dtype is called {dtype!r}; there are: {', '.join(get_args(Dtype))}")
    paths = [artefact.file(file) for file in FILES[name]]
    if name == "onnx":
        if dtype == "bf16":
            raise ConfigError("the onnx backend runs a model as it was exported; bf16 has torch and openvino")
        return OnnxBackend(paths[0], threads)
    precision: Dtype = "bf16" if dtype == "bf16" else "fp32"
    if name == "openvino":
        return OpenVinoBackend(paths[0], threads, precision)
    return TorchBackend.load(artefact.folder, threads, precision)


def _mask(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 where a piece stands, 0 where padding does."""
    mask: NDArray[np.int64] = (ids != PAD_ID).astype(np.int64)
    return mask


def usable_cores() -> int:
    """Cores that this process may run on: of the machine, of its affinity, of its container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no control groups, or no limit: "max 100000"
        return cores
