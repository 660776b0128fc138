"""The one source of the labels: tags, ids, colours and descriptions all come from here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

OUTSIDE = "O"


@dataclass(frozen=True, slots=True)
class Label:
    """One kind of entity.

    `colour` is `#rrggbb`, dark enough for white text; `hotkey` is the annotator's key.
    """

    name: str
    colour: str
    hotkey: str
    description: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class LabelSet:
    """An ordered set of labels and the BIO tags made of them: `O, B-X, I-X, B-Y, I-Y, ...`."""

    labels: tuple[Label, ...]

    def __iter__(self) -> Iterator[Label]:
        return iter(self.labels)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags in the order of their ids."""
        return (OUTSIDE, *(f"{prefix}-{name}" for name in self.names for prefix in "BI"))

    @cached_property
    def id2label(self) -> dict[int, str]:
        return dict(enumerate(self.tags))

    @cached_property
    def label2id(self) -> dict[str, int]:
        return {tag: i for i, tag in enumerate(self.tags)}

    def begin(self, name: str) -> int:
        """The id of the tag `B-name`."""
        return 1 + 2 * self.names.index(name)

    def inside(self, name: str) -> int:
        """The id of the tag `I-name`."""
        return 2 + 2 * self.names.index(name)

    def differences(self, tags: Sequence[str]) -> str | None:
        """What sets `tags` apart from this set's tags, in words; None where they are the same."""
        if tuple(tags) == self.tags:
            return None
        return f"got {', '.join(tags) or 'none'}; needed, in this order: {', '.join(self.tags)}"


LABELS = LabelSet(
    (
        Label(
            "ORG",
            "#1f5fa8",
            "1",
            "a named organisation, or a capitalised institution that stands for one body",
            ("Ban Thường vụ Huyện ủy Thanh Oai", "Bộ Chính trị"),
        ),
        Label(
            "PERSON",
            "#a8321f",
            "2",
            "a person's name, without title, office or honorific",
            ("Bùi Hoàng Phan", "Khánh Khoa"),
        ),
        Label(
            "RESOLUTION",
            "#6a2f9b",
            "3",
            "a reference to one identified policy document",
            ("Nghị quyết Trung ương 4 (khóa XII)", "Đề án số 06-ĐA/TU"),
        ),
        Label(
            "METRIC",
            "#1d6b3a",
            "4",
            "a measured or counted quantity: number, comparator and unit",
            ("7/9 chỉ tiêu", "hơn 17.792 lượt học viên"),
        ),
    )
)
