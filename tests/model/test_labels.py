"""LabelSet is the one source of the labels."""

from nghiquyet.labels import LABELS
from tests.conftest import ROOT


def test_tags_and_ids_agree() -> None:
    assert LABELS.names == ("ORG", "PERSON", "RESOLUTION", "METRIC")
    assert LABELS.tags[0] == "O"
    assert len(LABELS.tags) == 9
    for i, tag in LABELS.id2label.items():
        assert LABELS.label2id[tag] == i
    for name in LABELS.names:
        assert LABELS.tags[LABELS.begin(name)] == f"B-{name}"
        assert LABELS.tags[LABELS.inside(name)] == f"I-{name}"


def test_differences_are_told() -> None:
    assert LABELS.differences(LABELS.tags) is None
    told = LABELS.differences(["O", "B-LOC"])
    assert told is not None
    assert "got O, B-LOC; needed" in told


def test_the_readme_table_comes_from_the_label_set() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for label in LABELS:
        examples = "; ".join(f"`{example}`" for example in label.examples)
        assert f"| {label.name} | {label.description} | {examples} |" in readme
