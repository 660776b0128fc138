from html.parser import HTMLParser
from xml.etree import ElementTree as ET

from nghiquyet.labels import LABELS, Label, LabelSet
from nghiquyet_annotations.labelling_config import GUIDELINE, instructions, labelling_config


def test_labels_colours_and_hotkeys_come_from_the_label_set() -> None:
    found = [
        (label.get("value"), label.get("background"), label.get("hotkey"))
        for label in ET.fromstring(labelling_config()).iter("Label")
    ]
    assert found == [(label.name, label.colour, label.hotkey) for label in LABELS]


def test_the_interface_keeps_line_ends_and_selects_by_character() -> None:
    view = ET.fromstring(labelling_config())
    group, text = view.find("Labels"), view.find("Text")
    assert group is not None
    assert text is not None
    assert group.get("toName") == text.get("name")
    assert group.get("showInline") == "true"
    assert text.attrib == {"name": "text", "value": "$text", "granularity": "symbol", "showLabels": "true"}
    assert "pre-wrap" in (view.findtext("Style") or "")


def test_another_label_set_makes_another_config() -> None:
    labels = LabelSet((Label("A&B", "#000000", "9", "d", ("<x>",)),))
    assert [label.get("value") for label in ET.fromstring(labelling_config(labels)).iter("Label")] == ["A&B"]
    assert "&lt;x&gt;" in instructions(labels)


class _Cells(HTMLParser):
    """The words of a page, and its links."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str | None] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip("\u00a0"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs)["href"])


def _parsed(html: str) -> _Cells:
    parser = _Cells()
    parser.feed(html)
    return parser


def test_the_instructions_name_the_guideline_and_every_label() -> None:
    parsed = _parsed(instructions())
    assert GUIDELINE in parsed.words
    assert parsed.links == []
    for label in LABELS:
        assert label.name in parsed.words
        assert label.hotkey in parsed.words
        assert "; ".join(label.examples) in parsed.words
        assert label.description not in parsed.words, f"{label.name} has no Vietnamese description"


def test_the_instructions_link_the_guideline_where_its_address_is_known() -> None:
    assert _parsed(instructions(guideline_url='https://example.org/?a="b"&c')).links == ['https://example.org/?a="b"&c']
