"""What a pretraining run can be told."""

from typing import Self

from pydantic import Field, model_validator

from nghiquyet_training.settings import Settings


class Shape(Settings):
    """The encoder's size: RoBERTa's architecture, as PhoBERT has it."""

    layers: int = Field(4, ge=1)
    """Transformer layers."""
    width: int = Field(256, ge=8)
    """Hidden size; must be a multiple of `heads`."""
    heads: int = Field(4, ge=1)
    """Attention heads."""
    feed_forward: int = Field(1024, ge=8)
    """Inner size of the feed-forward blocks."""

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.heads < 2:
            raise ValueError("heads is 1; needed 2 at least")
        return self


class PretrainConfig(Settings):
    """Pretraining of a compact encoder."""

    vocab: str
    """Folder with `vocab.txt` and `bpe.codes`, as `nghiquyet-train vocab` writes them."""
    segmenter: str = "syllable"
    """The word segmenter, by name; goes into the encoder's manifest."""
    files: list[str] = Field(min_length=1)
    """Text files (.txt, .jsonl, .jsonl.xz), all read whole; one named twice counts double."""
    output: str
    """Folder for the encoder, its checkpoint and the log."""
    shape: Shape = Shape()
    """Size of the encoder."""
    init: str | None = None
    """A folder with an encoder of the same shape and vocabulary to go on from; null starts from random weights."""
    generator: str | None = None
    """A finished encoder of this kind whose guesses replace pieces: the encoder then learns to find and mend them
    (ELECTRA); null is masked language modelling."""
    local_heads: bool = False
    """Set some heads to look at the neighbouring pieces before training (see local_heads.py), of `init` too."""
    share_spelling: bool = False
    """Let pieces of one shape, and of the same letters, share a part of their embedding (see spelling.py)."""
    pieces: int = Field(36_000_000, ge=1)
    """Pieces to train on; fewer than the files hold are a random part of them, more are further passes."""
    block: int = Field(128, ge=8, le=256)
    """Pieces in one training sequence, `<s>` included."""
    batch: int = Field(64, ge=1)
    """Sequences in one step."""
    mask_rate: float = Field(0.15, gt=0, lt=1)
    """Share of pieces that are hidden."""
    whole_words: bool = False
    """Hide all pieces of a word or none; of masked language modelling only."""
    learning_rate: float = Field(1e-3, gt=0)
    """Peak learning rate."""
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the steps in which the rate rises to its peak."""
    decay: float = Field(0.4, ge=0, le=1)
    """Share of the steps, the last ones, in which the rate falls to zero; in between it stays at its peak."""
    weight_decay: float = Field(0.01, ge=0)
    """AdamW's weight decay."""
    bf16: bool = True
    """Autocast to bfloat16."""
    checkpoint_minutes: float = Field(5.0, gt=0)
    """Time between two checkpoints."""
    seed: int = 0
    """Seed of the weights, the order of the blocks and the masks."""

    @model_validator(mode="after")
    def _objective_fits(self) -> Self:
        if self.whole_words and self.generator:
            raise ValueError("whole_words hides words for masked language modelling; leave it out, or generator")
        return self
