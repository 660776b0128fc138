"""Pretrains an encoder on unlabelled text; a run that was stopped goes on where its checkpoint is.

The order of the blocks and the masks of a step follow from the seed and the step alone, so a resumed run
sees what the unbroken one would have seen.
"""

import hashlib
import json
import math
import shutil
import time
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.utils import parametrize
from tqdm import tqdm
from transformers import RobertaConfig, RobertaForMaskedLM

from nghiquyet.artefact import sha256
from nghiquyet.bpe import BOS_ID, EOS_ID, PAD_ID, UNK_ID, PhobertBpe
from nghiquyet.errors import ConfigError
from nghiquyet.windows import MAX_PIECES
from nghiquyet_training.corpus import Ids, encode_corpus, read_texts
from nghiquyet_training.local_heads import add_local_heads
from nghiquyet_training.objectives import MaskedLanguage, ReplacedPieces
from nghiquyet_training.package import VOCABULARY, save_model
from nghiquyet_training.pretrain_config import PretrainConfig, Shape
from nghiquyet_training.settings import expand
from nghiquyet_training.spelling import read_pieces, share_spelling

POSITIONS = MAX_PIECES + PAD_ID + 1  # RoBERTa counts positions from pad_id + 1
ABOUT = "pretraining.json"
WINDOW = 50  # steps that the shown loss is averaged over


def encoder_config(shape: Shape, vocab_size: int) -> RobertaConfig:
    """PhoBERT's configuration at another size. Its dropout is for fine-tuning; pretraining sets it to 0."""
    return RobertaConfig(
        vocab_size=vocab_size,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=POSITIONS,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        bos_token_id=BOS_ID,
        pad_token_id=PAD_ID,
        eos_token_id=EOS_ID,
    )


def rate_factor(step: int, steps: int, warmup: float, decay: float) -> float:
    """Share of the peak learning rate at `step`: linear rise, plateau, linear fall."""
    done = (step + 1) / steps
    rise = done / warmup if warmup else 1.0
    fall = (1 - step / steps) / decay if decay else 1.0
    return min(1.0, rise, fall)


class Pretraining:
    """One run: its model, optimizer, data and place in the schedule."""

    def __init__(self, config: PretrainConfig) -> None:
        self.config = config
        self.output = expand(config.output)
        self.output.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        self._take_vocabulary(expand(config.vocab))
        self.bpe = PhobertBpe.load(self.output / "vocab.txt", self.output / "bpe.codes")
        self.blocks = self._load_blocks()
        self.steps = max(1, config.pieces // (config.batch * config.block))
        self.model = self._build_model()
        self.objective = self._build_objective()
        self.trained = {name: p for name, p in self.objective.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.trained.values(),
            lr=config.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.step = 0
        self.recent: list[dict[str, float]] = []

    def _take_vocabulary(self, folder: Path) -> None:
        for name in VOCABULARY:
            if not (folder / name).is_file():
                raise ConfigError(
                    f"{folder} lacks {name}; make a vocabulary first: nghiquyet-train vocab FILES -o {folder}"
                )
            kept = self.output / name
            if (self.output / "checkpoint.safetensors").exists() and sha256(folder / name) != sha256(kept):
                raise ConfigError(f"{folder / name} is not what {self.output} was begun with; resume with the same one")
            if not (kept.exists() and kept.samefile(folder / name)):
                shutil.copyfile(folder / name, kept)

    def _build_model(self) -> RobertaForMaskedLM:
        model = self._bare_model()
        if self.config.init:
            load_encoder_weights(model, expand(self.config.init))
        else:
            self._start_from_frequencies(model)
        if self.config.local_heads:
            add_local_heads(model)
        if self.config.share_spelling:
            share_spelling(model.roberta.embeddings.word_embeddings, read_pieces(self.output / "vocab.txt"))
        model.train()
        return model

    def _bare_model(self) -> RobertaForMaskedLM:
        shape = encoder_config(self.config.shape, self.bpe.size)
        shape.hidden_dropout_prob = shape.attention_probs_dropout_prob = 0.0
        # At 128 pieces plain attention is a fifth faster than the fused kernel on a CPU.
        shape._attn_implementation = "eager"
        return RobertaForMaskedLM(shape)

    def _build_objective(self) -> MaskedLanguage | ReplacedPieces:
        if self.config.generator is None:
            goes_on = self._goes_on() if self.config.whole_words else None
            return MaskedLanguage(self.model, self.config.mask_rate, self.bpe.mask_id, goes_on)
        generator = self._bare_model()
        load_encoder_weights(generator, expand(self.config.generator))
        return ReplacedPieces(self.model, generator, self.config.mask_rate, self.bpe.mask_id)

    def _goes_on(self) -> Tensor:
        """(V,): whether the next piece belongs to the same word."""
        own = [piece.endswith("@@") for piece in read_pieces(self.output / "vocab.txt")]
        return torch.tensor([*[False] * (UNK_ID + 1), *own, False])

    def _start_from_frequencies(self, model: RobertaForMaskedLM) -> None:
        """Sets the output bias to the log frequency of each piece: the embeddings need not learn it first."""
        counts = np.bincount(np.ravel(self.blocks), minlength=self.bpe.size) + 0.5  # unseen pieces stay finite
        with torch.no_grad():
            model.lm_head.bias.copy_(torch.from_numpy(np.log(counts / counts.sum())))

    def _load_blocks(self) -> Ids:
        """The corpus as (n, block - 1) pieces; encoded once and kept in the output folder."""
        path = self.output / f"corpus-{self._corpus_key()}.npy"
        if not path.exists():
            files = [expand(name) for name in self.config.files]
            partial = self.output / "corpus.partial.npy"
            np.save(partial, encode_corpus(read_texts(files), self.output, self.config.segmenter))
            partial.replace(path)
        ids: Ids = np.load(path, mmap_mode="r", allow_pickle=False)
        width = self.config.block - 1
        if len(ids) < width:
            raise ConfigError(f"got {len(ids)} pieces of text; one block needs {width}: add files")
        return ids[: len(ids) // width * width].reshape(-1, width)

    def _corpus_key(self) -> str:
        """Changes with the vocabulary, the segmenter, and the names and sizes of the text files."""
        config = self.config
        vocabulary = [sha256(self.output / name) for name in VOCABULARY]
        files = [(str(path), path.stat().st_size if path.is_file() else 0) for path in map(expand, config.files)]
        parts = [vocabulary, config.segmenter, files]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]

    def batches(self) -> Iterator[Tensor]:
        """(batch, block) int64 from the present step on, `<s>` before each block."""
        size = self.config.batch
        a_pass = max(1, len(self.blocks) // size)  # steps
        for step in range(self.step, self.steps):
            number, place = divmod(step, a_pass)
            if place == 0 or step == self.step:
                order = np.random.default_rng([self.config.seed, number]).permutation(len(self.blocks))
            rows = self.blocks[np.sort(order[place * size : (place + 1) * size])].astype(np.int64)
            yield torch.from_numpy(np.insert(rows, 0, BOS_ID, axis=1))

    def train_step(self, ids: Tensor) -> dict[str, float]:
        """One optimizer step on `ids` (B, T); returns the parts of the loss."""
        randomness = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.step)
        with parametrize.cached(), torch.autocast("cpu", torch.bfloat16, enabled=self.config.bf16):
            losses = self.objective.losses(ids, randomness)
        torch.autograd.backward(list(losses.values()))
        torch.nn.utils.clip_grad_norm_(self.trained.values(), 1.0)
        factor = rate_factor(self.step, self.steps, self.config.warmup, self.config.decay)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * factor
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        return {name: loss.item() for name, loss in losses.items()}

    def run(self) -> dict[str, float]:
        """Trains to the end; returns the mean loss of the last steps, by part."""
        saved = time.monotonic()
        per_step = self.config.batch * self.config.block
        bar = tqdm(
            total=self.steps * per_step, initial=self.step * per_step, unit="piece", unit_scale=True, mininterval=5
        )
        for ids in self.batches():
            self.recent = [*self.recent[1 - WINDOW :], self.train_step(ids)]
            if not all(map(math.isfinite, self.recent[-1].values())):
                raise ConfigError(f"the loss is {self.recent[-1]} at step {self.step}; lower learning_rate")
            bar.set_postfix(self.losses, refresh=False)
            bar.update(per_step)
            if time.monotonic() - saved > 60 * self.config.checkpoint_minutes:
                self.save_checkpoint()
                saved = time.monotonic()
        bar.close()
        self.save_checkpoint()
        self.save_encoder()
        return self.losses

    @property
    def pieces_seen(self) -> int:
        return self.step * self.config.batch * self.config.block

    @property
    def losses(self) -> dict[str, float]:
        """Mean over the last steps, by part."""
        names = self.recent[-1] if self.recent else {}
        return {name: round(sum(each[name] for each in self.recent) / len(self.recent), 4) for name in names}

    def save_checkpoint(self) -> None:
        """Weights and optimizer state in one safetensors file, replaced at once: a break leaves the old one whole."""
        tensors = {f"weights.{name}": value for name, value in self.trained.items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items()}
        state = {"step": self.step, "recent": self.recent}
        partial = self.output / "checkpoint.partial"
        save_file(
            {name: value.detach().contiguous() for name, value in tensors.items()},
            partial,
            {"state": json.dumps(state)},
        )
        partial.replace(self.output / "checkpoint.safetensors")
        with (self.output / "log.jsonl").open("a", encoding="utf-8") as log:
            entry = {"step": self.step, "pieces": self.pieces_seen, "losses": self.losses, "time": time.time()}
            log.write(json.dumps(entry) + "\n")

    def resume(self) -> bool:
        """Takes up the checkpoint in the output folder; False where there is none."""
        path = self.output / "checkpoint.safetensors"
        if not path.exists():
            return False
        tensors = load_file(path)
        with torch.no_grad():
            for name, parameter in self.trained.items():
                parameter.copy_(tensors[f"weights.{name}"])
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            kind, index, key = name.split(".", 2)
            if kind == "optimizer":
                state.setdefault(int(index), {})[key] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        meta = _read_state(path)
        self.step, self.recent = meta["step"], meta["recent"]
        return True

    def save_encoder(self) -> None:
        """The encoder in the Hub's own layout, fp16, with its output head and vocabulary."""
        plain = self._bare_model()
        with torch.no_grad():
            for name, parameter in plain.named_parameters():
                parameter.copy_(attrgetter(name)(self.model))
        plain.config.hidden_dropout_prob = plain.config.attention_probs_dropout_prob = 0.1
        save_model(plain, self.output)
        (self.output / ABOUT).write_text(json.dumps(self.about(), indent=2) + "\n", encoding="utf-8")

    def about(self) -> dict[str, Any]:
        """How the encoder came about, with the runs that it goes on from."""
        config = self.config.model_dump(mode="json")
        about = {
            "segmenter": self.config.segmenter,
            "pieces_seen": self.pieces_seen,
            "losses": self.losses,
            "config": config,
        }
        if self.config.generator:
            config["generator"] = expand(self.config.generator).name
        if self.config.init:
            before = expand(self.config.init)
            config["init"] = before.name
            if (before / ABOUT).is_file():
                about["goes_on_from"] = json.loads((before / ABOUT).read_text(encoding="utf-8"))
        return about


def pretrain(config: PretrainConfig, *, resume: bool) -> tuple[Path, dict[str, float]]:
    """Runs to the end; returns the encoder's folder and the last loss. A stopped run is not begun anew by accident."""
    folder = expand(config.output)
    stopped = (folder / "checkpoint.safetensors").exists()
    if stopped and not resume:
        raise ConfigError(
            f"{folder} holds a run already: go on with --resume, or name another folder: --set output=FOLDER"
        )
    begun = folder / "config.yaml"
    if stopped and begun.read_text(encoding="utf-8") != config.dump():
        raise ConfigError(f"{folder} was begun with other settings (see its config.yaml); resume with the same ones")
    run = Pretraining(config)
    begun.write_text(config.dump(), encoding="utf-8")
    if resume:
        run.resume()
    return folder, run.run()


def load_encoder_weights(model: RobertaForMaskedLM, folder: Path) -> None:
    """Copies the weights of `folder/model.safetensors` into `model`; a missing or misshapen one is an error."""
    tensors = load_file(folder / "model.safetensors")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            found = tensors.get(name)
            if found is None or found.shape != parameter.shape:
                got = "nothing" if found is None else tuple(found.shape)
                raise ConfigError(
                    f"{folder}: {name} is {got}, needed {tuple(parameter.shape)}; use the same shape and vocab"
                )
            parameter.copy_(found)


def _read_state(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        state: dict[str, Any] = json.loads(file.metadata()["state"])
    return state
