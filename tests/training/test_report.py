"""The report holds the figures it should, for people and for machines, and nothing of a text is taken for markup."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nghiquyet import Predictor
from nghiquyet.documents import Document, Entity
from nghiquyet.scoring import Counts, pair
from nghiquyet_training.cli import app
from nghiquyet_training.learning_curve import Point
from nghiquyet_training.report import NOTHING, Report, confusion, make_report, to_json
from nghiquyet_training.report_page import to_html, view
from tests.conftest import GOLD

CURVE = [Point(n, s, (n / 10 + s, 9.0), (30, 30)) for n in (10, 20, 40) for s in (0, 1)]


@pytest.fixture(scope="module")
def report(predictor: Predictor, gold: list[Document]) -> Report:
    return make_report(predictor, gold[:3], model="toy", data="three", train=gold[2:], perturb=True, curve=CURVE)


class Reader(HTMLParser):
    """What a browser would see: tags, the text in `<p>`, addresses of other files."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.marks = 0
        self.outside: list[str] = []
        self.paragraphs: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.marks += tag == "mark"
        self.outside += [v for k, v in attrs if k in ("src", "href") and v and not v.startswith("#")]
        if tag == "p":
            self.paragraphs.append("")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "p" in self.open:
            self.paragraphs[-1] += data


def test_the_page_stands_alone_and_shows_every_span_and_both_texts(report: Report) -> None:
    page = Reader(to_html(report))
    assert page.outside == []
    spans = sum(len(d.gold.entities) + len(d.predicted.entities) for d in report.documents)
    assert page.marks == spans
    for each in report.documents:
        assert page.paragraphs.count(each.gold.text.replace("\r\n", "\n")) == 2


def test_a_text_is_no_markup(predictor: Predictor) -> None:
    text = 'Huyện ủy <script>alert("x")</script> & <b>Thị ủy</b>'
    document = Document("<i>", text, (Entity.of(text, 0, 8, "ORG"),))
    page = to_html(make_report(predictor, [document], model="<m>", data="&"))
    assert "<script>alert" not in page
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "&lt;m&gt;" in page


def test_the_json_agrees_with_the_scores(report: Report) -> None:
    raw = json.loads(json.dumps(to_json(report)))
    micro = raw["scores"]["micro"]
    wrong = [e for d in raw["by_document"] for e in d["errors"]]
    assert sum(len(e["gold"]) for e in wrong) == micro["gold"] - micro["hits"]
    assert sum(len(e["predicted"]) for e in wrong) == micro["predicted"] - micro["hits"]
    assert sum(n for kinds in raw["errors"].values() for n in kinds.values()) == len(wrong)
    assert sum(c["spans"] for c in raw["confusion"] if c["gold"] != NOTHING) == micro["gold"]
    assert sum(c["spans"] for c in raw["confusion"] if c["predicted"] != NOTHING) == micro["predicted"]
    assert raw["leakage"][0]["share"] == 1.0  # the third document was trained on
    assert raw["learning_curve"][0]["documents"] == 10


def test_errors_have_the_same_number_on_both_sides(report: Report) -> None:
    shown = view(report.documents[0])
    numbers = [{p.number for p in side if p.number >= 0} for side in (shown.gold, shown.predicted)]
    assert numbers[0] | numbers[1] == set(range(shown.errors))
    assert "".join(p.text for p in shown.gold) == report.documents[0].gold.text


def test_the_confusion_pairs_by_overlap() -> None:
    text = "0123456789"
    gold = Document("a", text, (Entity.of(text, 0, 3, "ORG"), Entity.of(text, 5, 6, "METRIC")))
    found = Document("a", text, (Entity.of(text, 1, 3, "PERSON"), Entity.of(text, 8, 9, "ORG")))
    assert confusion(pair([gold], [found])) == {("ORG", "PERSON"): 1, ("METRIC", NOTHING): 1, (NOTHING, "ORG"): 1}


def test_a_model_that_finds_nothing_has_a_report_too(predictor: Predictor) -> None:
    report = make_report(predictor, [Document("a", "")], model="m", data="d")
    assert report.scores["micro"].counts == Counts()
    assert "Exact span F1" in to_html(report)


def test_the_command_writes_both_files(tiny_onnx: Path, tmp_path: Path) -> None:
    call = ["report", str(tiny_onnx), str(GOLD), "-o", str(tmp_path), "--train", str(GOLD), "--no-perturb"]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output
    raw = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert raw["documents"] == 5
    assert raw["leakage"] == []  # what is reported on was left out
    assert "Other spelling" not in (tmp_path / "index.html").read_text(encoding="utf-8")
