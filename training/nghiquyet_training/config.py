"""What a training run can be told."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from nghiquyet_training.settings import Settings


class EncoderConfig(Settings):
    """The pretrained encoder to start from."""

    path: str
    """A Hub id, vinai/phobert-base, or a folder (config.json, vocab.txt, bpe.codes; model.safetensors or, turned into
    that once, pytorch_model.bin)."""
    revision: str | None = None
    """Commit, branch or tag of a Hub id; null takes `main`. The commit that was used goes into the manifest."""
    segmenter: Literal["syllable", "underthesea"] = "underthesea"
    """The word segmenter that the encoder was pretrained with; PhoBERT wants words, the compact encoder syllables."""
    max_pieces: int = Field(256, ge=128, le=256)
    """Longest window, in training and in use; not longer than the encoder was pretrained on."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Dropout of hidden states, attention and classifier while training."""
    part_capitals: float = Field(0.0, ge=0)
    """Length of vectors that part capitals from small letters, added to the piece embeddings; see spelling.py."""
    licence: str | None = None
    """Licence of the encoder's weights, for the manifest and the card; null takes a known Hub id's, or the card's."""


class DataConfig(Settings):
    """Label Studio JSON exports. `${NAME}` in a path is taken from the environment."""

    train: list[str] = Field([])
    """Exports that are trained on whole."""
    split: list[str] = Field([])
    """Exports whose documents are parted by the hash of their id into ten tenths."""
    dev_tenths: list[int] = Field([9])
    """Tenths of `split` held out for development: the epoch is chosen on them."""
    test_tenths: list[int] = Field([8])
    """Tenths of `split` held out for the reported figures; looked at once, at the end."""
    test: list[str] = Field([])
    """Exports that are tested on whole, apart from the tenths."""
    silver: list[str] = Field([])
    """Folders of unlabelled text with teachers' labels (`nghiquyet-train label`), trained on beside the gold."""
    gold_repeats: int = Field(1, ge=1)
    """How often each gold window stands in an epoch; beside much silver, more often than once."""
    augment: int = Field(0, ge=0, le=4)
    """Perturbed copies of each gold document in an epoch: capitals, small letters, no diacritics, or scanned."""
    other_mentions: int = Field(0, ge=0)
    """Copies, in an epoch, of each gold document that cites a policy document, with others cited instead."""
    unwritable: Literal["error", "mask"] = "error"
    """A gold span that begins or ends inside a word: stop and name it, or name it and mask its words in the loss."""

    @field_validator("dev_tenths", "test_tenths")
    @classmethod
    def _tenths(cls, tenths: list[int]) -> list[int]:
        if any(not 0 <= tenth <= 9 for tenth in tenths):
            raise ValueError("a tenth is a number from 0 to 9")
        return tenths


class OptimizerConfig(Settings):
    """AdamW with a linear rise and fall of the learning rate."""

    epochs: float = Field(10, gt=0)
    """Passes over the training windows, at most."""
    batch: int = Field(8, ge=1)
    """Windows in a step, over all processes and GPUs: the same configuration does the same on one and on many."""
    accumulate: int = Field(1, ge=1)
    """Parts that a step's windows go through in turn: memory falls, the step stays the same."""
    checkpointing: bool = False
    """Keep only what goes into each layer, and compute the rest again on the way back: less memory, more time."""
    group_by_length: bool = True
    """Windows of like length run together, so that little is padding; else in random order."""
    learning_rate: float = Field(5e-5, gt=0)
    """Peak rate of the encoder."""
    head_rate: float = Field(5e-4, gt=0)
    """Peak rate of the classifier, which starts from nothing."""
    layer_decay: float = Field(1.0, gt=0, le=1)
    """Factor on the rate from each layer to the one below it; 1 is none."""
    freeze_embeddings: bool = False
    """Leave the encoder's embeddings (a third of phobert-base's weights) as they were pretrained."""
    weight_decay: float = Field(0.01, ge=0)
    """AdamW's weight decay, on matrices only."""
    warmup: float = Field(0.1, ge=0, lt=1)
    """Share of the steps in which the rate rises."""
    hide: float = Field(0.0, ge=0, lt=1)
    """Share of the pieces that a training step reads as `<mask>`: the context must tell, not the word by heart."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of probability that is spread over the other tags."""
    r_drop: float = Field(0.0, ge=0)
    """Weight of the disagreement between two readings of each window under dropout (R-Drop); doubles a step's work."""
    chain: bool = False
    """Learn whole sequences of tags, and how tags follow each other (a CRF head), not each word by itself."""
    ema: float = Field(0.0, ge=0, lt=1)
    """Decay of a running average of the weights, which is then what is evaluated and kept; as 0.999; 0 is none."""
    patience: int = Field(0, ge=0)
    """Evaluations without a better development F1 before the run stops; 0 never stops early."""
    checkpoint_steps: int | None = Field(None, ge=1)
    """Steps from one checkpoint, and evaluation on the development part, to the next; null: an epoch."""
    bf16: Literal["auto", True, False] = "auto"
    """bfloat16 autocast; auto: where the processor has it."""


class TrainConfig(Settings):
    """One training run."""

    name: str
    """Name of the model; goes into its manifest."""
    output: str
    """The run's folder."""
    encoder: EncoderConfig
    """Where training starts."""
    data: DataConfig
    """What is trained, chosen and tested on."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """How."""
    notes: list[str] = Field([])
    """Sentences for the manifest and the card: where the data comes from, its licence, how it was annotated."""
    transition_weight: float = Field(0.15, ge=0)
    """Weight in decoding of how tags follow each other in the training gold; 0 tells legal from illegal steps only."""
    window_pieces: int | None = Field(None, ge=16, le=256)
    """Length of the training windows; null takes encoder.max_pieces. Shorter ones make more, and faster, steps."""
    seed: int = 0
    """Seed of the head, the order and the dropout."""

    @model_validator(mode="after")
    def _windows_fit(self) -> Self:
        if (self.window_pieces or 0) > self.encoder.max_pieces:
            raise ValueError(f"window_pieces is above encoder.max_pieces, {self.encoder.max_pieces}")
        return self
