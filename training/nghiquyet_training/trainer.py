"""transformers' Trainer, told how this package groups its rates and what it measures."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from datasets import Dataset
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from torch import Tensor
from transformers import EarlyStoppingCallback, RobertaForTokenClassification, Trainer, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler, get_length_grouped_indices

from nghiquyet.backends import TorchBackend
from nghiquyet.decode import Decoder
from nghiquyet.documents import Document
from nghiquyet.encode import Encoder
from nghiquyet.errors import ConfigError
from nghiquyet.labels import LABELS
from nghiquyet.predictor import Predictor
from nghiquyet.scoring import pair, total
from nghiquyet_training.averaging import AveragingAdamW
from nghiquyet_training.config import OptimizerConfig, TrainConfig
from nghiquyet_training.data import IGNORED, collate, word_tags
from nghiquyet_training.losses import (
    counted,
    disagreement,
    legal_only,
    sequence_cross_entropy,
    smoothed,
    soft_cross_entropy,
)
from nghiquyet_training.masking import hide_all
from nghiquyet_training.processes import device_count, from_first

_LAYER = re.compile(r"roberta\.encoder\.layer\.(\d+)\.")
EVALUATION_BATCH = 16  # windows; only while training: in fp32 the batch does not change the answer


def parameter_groups(model: RobertaForTokenClassification, config: OptimizerConfig) -> list[dict[str, Any]]:
    """One group for each rate and decay: the head's rate, and the encoder's falling from the top layer down.

    Layer-wise decay: Howard and Ruder 2018. Biases and layer norms are not decayed.
    """
    depth = model.config.num_hidden_layers
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((_rate(name, depth, config), decay), []).append(parameter)
    return [{"params": params, "lr": lr, "weight_decay": decay} for (lr, decay), params in groups.items()]


def _rate(name: str, depth: int, config: OptimizerConfig) -> float:
    if not name.startswith("roberta."):
        return config.head_rate
    layer = _LAYER.match(name)
    steps_down = depth - 1 - int(layer[1]) if layer else depth  # the embeddings lie under all layers
    return config.learning_rate * config.layer_decay**steps_down


class SpanTrainer(Trainer):
    """Evaluates the way the package is used: whole documents through `Predictor`, exact character spans."""

    def __init__(self, *, encoder: Encoder, dev: Sequence[Document], config: TrainConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_accepts_loss_kwargs = True  # the loss here is a share of the whole step's, see compute_loss
        self.tagger = cast(RobertaForTokenClassification, self.model)
        self._encoder = encoder
        self._dev = dev
        self._config = config

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """AdamW over `parameter_groups`."""
        if self.optimizer is None:
            options = self._config.optimizer
            groups = parameter_groups(self.tagger, options)
            adam = partial(AveragingAdamW, decay=options.ema) if options.ema else torch.optim.AdamW
            self.optimizer = adam(groups, fused=True)
        return self.optimizer

    def get_batch_samples(
        self, epoch_iterator: Iterator[dict[str, Tensor]], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Tensor]], Tensor | None]:
        """A step's batches in this process, and the number of its words that count, in all processes."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        if not batches:
            return batches, None
        words = torch.stack([counted(batch["labels"]).sum() for batch in batches]).sum()
        return batches, self.accelerator.reduce(words.to(device))

    def compute_loss(
        self, model: Any, inputs: dict[str, Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Cross entropy against the target probabilities of each word: this batch's part of the mean over the step.

        With `num_items_in_batch` words in the step, in all its batches and processes. Gradients are summed over
        batches and averaged over processes, so that a step is the same however it is parted.
        """
        options = self._config.optimizer
        ids, mask, targets = inputs["input_ids"], inputs["attention_mask"], inputs["labels"]
        if model.training and options.hide:
            ids = hide_all(ids, options.hide, self._encoder.bpe.mask_id).inputs
        twice = model.training and options.r_drop > 0
        if twice:  # in one call: several processes may not make two
            ids, mask, targets = ids.repeat(2, 1), mask.repeat(2, 1), targets.repeat(2, 1, 1)
        outputs = model(input_ids=ids, attention_mask=mask)
        loss = self._cross_entropy(outputs.logits, smoothed(targets, options.label_smoothing))
        if twice:
            loss = loss + options.r_drop * disagreement(outputs.logits, inputs["labels"])
        if num_items_in_batch is not None:
            loss = loss * (counted(inputs["labels"]).sum() * self.args.world_size / num_items_in_batch)
        return (loss, outputs) if return_outputs else loss

    def _cross_entropy(self, logits: Tensor, targets: Tensor) -> Tensor:
        if not self._config.optimizer.chain:
            return soft_cross_entropy(logits, targets)
        return sequence_cross_entropy(logits, targets, legal_only(cast(Tensor, self.tagger.transitions)))

    def evaluate(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> dict[str, float]:
        """`eval_f1` over exact character spans (the headline) and `eval_seqeval_f1` over word tags, strict IOB2."""
        was_training = self.tagger.training
        self.tagger.eval()
        with self._averaged():
            decoder = Decoder(trained_transitions(self.tagger))
            predictor = model_predictor(self.tagger, self._encoder, self._config, decoder)
            predicted = predict_documents(predictor, self._dev, batch_size=EVALUATION_BATCH)
        self.tagger.train(was_training)
        counts = total(pair(self._dev, predicted))
        metrics = {
            "f1": counts.f1,
            "precision": counts.precision,
            "recall": counts.recall,
            "seqeval_f1": seqeval_f1(self._dev, predicted, self._encoder),
        }
        metrics = from_first({f"{metric_key_prefix}_{name}": value for name, value in metrics.items()})
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Any:
        """The library's order, which is drawn anew at each epoch's start, where nobody has to find it again.

        Several processes have to agree on it, and so do a run and its resumption in the middle of an epoch.
        """
        options = self._config.optimizer
        if self.args.world_size == 1 and not options.checkpoint_steps:
            return super()._get_train_sampler(train_dataset)
        lengths = [len(ids) for ids in self.train_dataset["input_ids"]]  # type: ignore[index]
        if not options.group_by_length:
            lengths = [0] * len(lengths)  # all alike: the order stays as it is drawn
        return SharedOrder(lengths, options.batch, self._config.seed, lambda: int(self.state.epoch or 0))

    def _averaged(self) -> AbstractContextManager[None]:
        optimizer = getattr(self.optimizer, "optimizer", self.optimizer)  # accelerate wraps it
        return optimizer.averaged() if isinstance(optimizer, AveragingAdamW) else nullcontext()

    def finished_model(self) -> RobertaForTokenClassification:
        """The trained model, whole and ready to predict; with FSDP, of use in the first process alone."""
        model = self.tagger
        if self.is_fsdp_enabled:
            weights = self.accelerator.get_state_dict(self.model_wrapped)  # gathered from all processes
            model = RobertaForTokenClassification(model.config)
            if weights:
                model.load_state_dict(weights)
        model.eval()
        return model

    def take_averages(self) -> None:
        """With `optimizer.ema`, leaves the averages in the model: the best checkpoint's, or the last step's."""
        optimizer = getattr(self.optimizer, "optimizer", self.optimizer)
        if not isinstance(optimizer, AveragingAdamW):
            return
        if self.args.load_best_model_at_end and self.state.best_model_checkpoint:
            self._load_optimizer_and_scheduler(self.state.best_model_checkpoint)
        optimizer.swap()


class SharedOrder(LengthGroupedSampler):
    """Windows of like length together, in an order that seed and epoch alone decide: the same in every process."""

    def __init__(self, lengths: list[int], batch: int, seed: int, epoch: Callable[[], int]) -> None:
        super().__init__(batch, lengths=lengths, generator=torch.Generator())
        self._seed = seed
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self.generator.manual_seed(self._seed + self._epoch())
        return iter(get_length_grouped_indices(self.lengths, self.batch_size, generator=self.generator))


def add_transitions(model: RobertaForTokenClassification, start: Sequence[Sequence[float]]) -> None:
    """Gives the model a weight for each step from tag to tag, (L, L), that is learnt with the others."""
    model.register_parameter("transitions", torch.nn.Parameter(torch.tensor(start)))


def trained_transitions(model: RobertaForTokenClassification) -> list[list[float]] | None:
    """The weights that were learnt, as a decoder takes them; None where there are none."""
    weights: Tensor | None = getattr(model, "transitions", None)
    return None if weights is None else weights.detach().tolist()


def model_predictor(
    model: RobertaForTokenClassification, encoder: Encoder, config: TrainConfig, decoder: Decoder | None = None
) -> Predictor:
    """A Predictor around a model in memory."""
    return Predictor(encoder, TorchBackend(model), max_pieces=config.encoder.max_pieces, decoder=decoder)


def predict_documents(
    predictor: Predictor, documents: Sequence[Document], *, batch_size: int | None = None
) -> list[Document]:
    """The documents with the predicted entities in place of their own."""
    found = predictor.predict_batch([document.text for document in documents], batch_size=batch_size)
    return [Document(d.id, d.text, tuple(e)) for d, e in zip(documents, found, strict=True)]


def seqeval_f1(gold: Sequence[Document], predicted: Sequence[Document], encoder: Encoder) -> float:
    """Seqeval's micro F1 in strict IOB2 over the words; gold spans that words cannot write count as missing there."""
    rows = [[_tag_names(document, encoder) for document in documents] for documents in (gold, predicted)]
    return float(f1_score(*rows, mode="strict", scheme=IOB2, zero_division=0))


def _tag_names(document: Document, encoder: Encoder) -> list[str]:
    tags = word_tags(encoder.encode(document.text), document, "ignore")
    return ["O" if tag == IGNORED else LABELS.tags[tag] for tag in tags]


def has_bf16() -> bool:
    """Whether bfloat16 pays here: a GPU that has it, or a CPU with instructions for it."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    flags = Path("/proc/cpuinfo")
    return flags.exists() and "avx512_bf16" in flags.read_text(encoding="utf-8")


def windows_at_once(options: OptimizerConfig) -> int:
    """Windows that one device runs at once: a step's share, in so many parts."""
    parts = device_count() * options.accumulate
    if options.batch % parts:
        raise ConfigError(
            f"optimizer.batch is {options.batch}: it cannot be shared among {device_count()} processes or GPUs in "
            f"{options.accumulate} parts each; make it a multiple of {parts}"
        )
    return options.batch // parts


def make_trainer(
    config: TrainConfig,
    model: RobertaForTokenClassification,
    windows: Dataset,
    encoder: Encoder,
    dev: Sequence[Document],
    folder: Path,
) -> SpanTrainer:
    """A trainer that keeps its checkpoints in `folder`; with `dev` the one with the best F1 wins, else the last."""
    choose = bool(dev)
    options = config.optimizer
    when = "steps" if options.checkpoint_steps else "epoch"
    if options.freeze_embeddings:
        model.roberta.embeddings.requires_grad_(False)
    arguments = TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=windows_at_once(options),
        gradient_accumulation_steps=options.accumulate,
        **_checkpointing(options.checkpointing),
        learning_rate=options.learning_rate,
        warmup_steps=options.warmup,
        lr_scheduler_type="linear",
        train_sampling_strategy="group_by_length" if options.group_by_length else "random",
        bf16=has_bf16() if options.bf16 == "auto" else options.bf16,
        use_cpu=not torch.cuda.is_available(),
        eval_strategy=when if choose else "no",
        eval_steps=options.checkpoint_steps,
        save_strategy=when,
        save_steps=options.checkpoint_steps or 500,  # 500: unused, but the library wants a number
        save_total_limit=1,
        load_best_model_at_end=choose,
        metric_for_best_model="f1" if choose else None,
        logging_steps=20,
        report_to="none",
        seed=config.seed,
        data_seed=config.seed,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        ddp_find_unused_parameters=False,
    )
    callbacks = [EarlyStoppingCallback(options.patience)] if choose and options.patience else []
    return SpanTrainer(
        encoder=encoder,
        dev=dev,
        config=config,
        model=model,
        args=arguments,
        train_dataset=windows,
        eval_dataset=windows if choose else None,  # asked for by the library; `evaluate` reads whole documents instead
        data_collator=collate,
        callbacks=callbacks,
    )


def _checkpointing(wanted: bool) -> dict[str, Any]:
    """Recomputation of layers, under the name that this transformers has for it: 5.x renamed it on the way."""
    names = [field.name for field in fields(TrainingArguments)]
    return {"activation_checkpointing" if "activation_checkpointing" in names else "gradient_checkpointing": wanted}
