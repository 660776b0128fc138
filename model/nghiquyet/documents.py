"""Span, Entity and Document: what the three packages exchange."""

from dataclasses import dataclass

from nghiquyet.errors import InputError


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open offsets `[start, end)` in code points of some source string."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """A labelled span of a source string; always `source[start:end] == text`.

    `score` is in [0, 1]: 1.0 for an annotation, the model's probability of exactly this span for a prediction.
    """

    start: int
    end: int
    label: str
    text: str
    score: float = 1.0

    @classmethod
    def of(cls, source: str, start: int, end: int, label: str, score: float = 1.0) -> "Entity":
        """The entity at `source[start:end]`."""
        if not 0 <= start < end <= len(source):
            raise InputError(f"span [{start}, {end}) does not lie in a text of {len(source)} characters")
        return cls(start, end, label, source[start:end], score)

    @property
    def key(self) -> tuple[int, int, str]:
        """What two entities must share to be the same: `(start, end, label)`."""
        return self.start, self.end, self.label


@dataclass(frozen=True, slots=True)
class Document:
    """A text and its entities, sorted and free of overlap; gold and prediction alike."""

    id: str
    text: str
    entities: tuple[Entity, ...] = ()

    def __post_init__(self) -> None:
        end = 0
        for entity in self.entities:
            if self.text[entity.start : entity.end] != entity.text:
                raise InputError(
                    f"document {self.id}: [{entity.start}, {entity.end}) is "
                    f"{self.text[entity.start : entity.end]!r}, not {entity.text!r}"
                )
            if entity.start < end:
                raise InputError(
                    f"document {self.id}: {entity.text!r} at {entity.start} overlaps the span before it "
                    f"(which ends at {end}), or the spans are not sorted"
                )
            end = entity.end

    @property
    def keys(self) -> frozenset[tuple[int, int, str]]:
        return frozenset(entity.key for entity in self.entities)
