"""The CRF, several teachers as one, and the silver data that they make."""

from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from nghiquyet.documents import Document
from nghiquyet.encode import Encoder
from nghiquyet.errors import ConfigError
from nghiquyet.predictor import Predictor
from nghiquyet.scoring import pair, total
from nghiquyet.segment import SyllableSegmenter
from nghiquyet_training.crf import CrfTagger, crf_documents, features, shape, train_crf
from nghiquyet_training.label import unique, without
from nghiquyet_training.rules import resolutions
from nghiquyet_training.run import training_windows
from nghiquyet_training.silver import PART, read_silver, write_silver
from nghiquyet_training.teachers import Teachers
from tests.training.test_run import smoke


@pytest.mark.parametrize(
    ("word", "expected"),
    [("Thanh", "Xx"), ("UBND", "X"), ("17.792", "9.9"), ("06-ĐA/TU", "9-X/X"), ("ủy", "x"), ("7/9", "9/9")],
)
def test_shapes(word: str, expected: str) -> None:
    assert shape(word) == expected


def test_features_look_at_the_neighbours_and_not_beyond_the_line() -> None:
    first, last = features(["Huyện", "ủy"])
    assert {"word=Huyện", "0:huyện", "1:ủy", "-1:<s>", "2:</s>", "0s:Xx", "02:huyện|ủy"} <= set(first)
    assert "-1:huyện" in last


def test_the_crf_learns_its_training_texts(encoder: Encoder, gold: list[Document]) -> None:
    bare = [Document(d.id, d.text) for d in gold]
    found = crf_documents(gold, bare, encoder)
    assert total(pair(gold, found)).f1 > 0.95
    unseen = crf_documents(gold[1:], bare[:1], encoder)
    assert 0.2 < total(pair(gold[:1], unseen)).f1 < 1.0


@pytest.fixture(scope="module")
def crf_file(encoder: Encoder, gold: list[Document], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("crf") / "model"
    assert train_crf(gold, encoder, path) > 50
    return path


def test_teachers_mix_to_probabilities(encoder: Encoder, gold: list[Document], crf_file: Path, tiny_onnx: Path) -> None:
    model = Predictor.load(tiny_onnx)
    with CrfTagger(crf_file, encoder) as crf:
        text = gold[0].text
        alone = np.exp(Teachers([], crf).log_probs(text)[1])
        model_alone = np.exp(Teachers([model]).log_probs(text)[1])
        mixed = np.exp(Teachers([model, model], crf, 0.5).log_probs(text)[1])
        for each in (alone, model_alone, mixed):
            assert each.sum(axis=1) == pytest.approx(1.0, abs=1e-3)
        geometric = np.sqrt(alone * model_alone)
        assert mixed == pytest.approx(geometric / geometric.sum(axis=1, keepdims=True), abs=1e-3)
        assert Teachers([], crf).predict(Document("x", text)).entities
        assert Teachers([], crf).log_probs(" ")[1].shape == (0, 9)
    with pytest.raises(ConfigError, match="no teachers"):
        Teachers([])


def test_silver_comes_back_as_it_was_written(
    encoder: Encoder, gold: list[Document], crf_file: Path, tmp_path: Path
) -> None:
    texts = [gold[0].text, " ", gold[1].text]
    with CrfTagger(crf_file, encoder) as crf:
        teachers = Teachers([], crf)
        words = write_silver(tmp_path, texts, teachers)
        rows = list(read_silver(tmp_path))
        assert [text for text, _ in rows] == texts
        assert sum(len(row) for _, row in rows) == words
        assert rows[2][1] == pytest.approx(np.exp(teachers.log_probs(texts[2])[1]), abs=1e-3)
        with pytest.raises(ConfigError, match="silver data already"):
            write_silver(tmp_path, texts, teachers)
        with pytest.raises(ConfigError, match="no texts"):
            write_silver(tmp_path / "none", [], teachers)
    with pytest.raises(ConfigError, match="nghiquyet-train label"):
        list(read_silver(tmp_path / "nowhere"))


def test_labelling_goes_on_where_it_was_stopped(
    encoder: Encoder, crf_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"Huyện ủy Thanh Oai, văn bản {i}" for i in range(2 * PART + 3)]
    with CrfTagger(crf_file, encoder) as crf:
        teachers = Teachers([], crf)
        asked = 0

        def log_probs(self: Teachers, text: str) -> object:
            nonlocal asked
            asked += 1
            if asked == PART + 5:
                raise KeyboardInterrupt
            return original(self, text)

        original = Teachers.log_probs
        with monkeypatch.context() as patched:
            patched.setattr(Teachers, "log_probs", log_probs)
            with pytest.raises(KeyboardInterrupt):
                write_silver(tmp_path, texts, teachers)
        assert len(list(read_silver(tmp_path))) == PART
        with pytest.raises(ConfigError, match="other texts"):
            write_silver(tmp_path, texts[1:], teachers, resume=True)
        words = write_silver(tmp_path, texts, teachers, resume=True)
    assert [text for text, _ in read_silver(tmp_path)] == texts
    assert words == sum(len(row) for _, row in read_silver(tmp_path))


def test_each_text_is_labelled_once() -> None:
    assert list(unique(iter(["a", "b", "a", "c", "b"]))) == ["a", "b", "c"]


def test_texts_that_share_a_passage_with_a_held_out_document_are_left_out(articles: list[str]) -> None:
    held_out = Document("x", max(articles[0].splitlines(), key=len))
    assert list(without(articles, [held_out])) == articles[1:]
    assert list(without(articles, [])) == articles


@pytest.mark.parametrize(
    "text",
    [
        "Hội nghị đã nghe báo cáo kết quả thực hiện nghị quyết của Đảng bộ huyện",
        "Bí thư\nHuyện ủy",
        normalize("NFD", "Nói rằng báo cáo kết quả thực hiện nghị quyết của Đảng bộ huyện là tốt"),
        "HỘI NGHỊ  đã nghe   báo cáo kết quả, thực hiện nghị quyết của đảng bộ xã",
    ],
    ids=["all", "short", "another form", "another spacing"],
)
def test_a_passage_is_found_in_any_writing(text: str) -> None:
    long = "Hội nghị đã nghe báo cáo kết quả thực hiện nghị quyết của Đảng bộ huyện"
    held_out = [Document("x", long), Document("y", "Bí thư\nHuyện ủy")]
    assert list(without([text, "Bí thư Huyện ủy phát biểu, kết quả thực hiện nghị quyết"], held_out)) == [
        "Bí thư Huyện ủy phát biểu, kết quả thực hiện nghị quyết"
    ]


def test_a_student_sees_no_silver_text_of_what_it_is_tested_on(
    tmp_path: Path, gold: list[Document], crf_file: Path, encoder: Encoder
) -> None:
    with CrfTagger(crf_file, encoder) as crf:
        write_silver(tmp_path / "silver", [document.text for document in gold], Teachers([], crf))
    config = smoke(tmp_path / "run", f"data.silver=[{tmp_path / 'silver'}]")
    sizes = [len(training_windows(config, gold[:1], encoder, held_out)) for held_out in ([], gold[1:3], gold[1:])]
    assert sizes[0] > sizes[1] > sizes[2]


def test_a_crf_on_other_words_is_no_teacher_beside_the_models(
    crf_file: Path, tiny_onnx: Path, encoder: Encoder
) -> None:
    class OtherWords(SyllableSegmenter):
        name = "other"

    other = Encoder(OtherWords(), encoder.bpe)
    with CrfTagger(crf_file, other) as crf, pytest.raises(ConfigError, match="one segmenter"):
        Teachers([Predictor.load(tiny_onnx)], crf)


def test_half_a_surrogate_pair_is_labelled_too(tmp_path: Path, crf_file: Path, encoder: Encoder) -> None:
    with CrfTagger(crf_file, encoder) as crf:
        write_silver(tmp_path, ["Bí thư \ud83d Huyện ủy"], Teachers([], crf))
    assert [text for text, _ in read_silver(tmp_path)] == ["Bí thư \ud83d Huyện ủy"]


RULES = [
    ("theo [Nghị quyết Trung ương 4 (khóa XII)] về", True),
    ("thực hiện [nghị quyết hội nghị Trung ương 7 khóa X], ", True),
    ("[NGHỊ QUYẾT TƯ 4]", True),
    ("[Đề án số 06-ĐA/TU] ngày 24-9-2013", True),
    ("[Chương trình 01-CTr/TU] và [Đề án 06]", True),
    ("[Nghị định 163/2003/NĐ-CP] ngày", True),
    ("theo [Chỉ thị 05] của Bộ Chính trị", True),
    ("theo [Điều lệ Đảng].", True),
    ("Kế hoạch năm 2018, kế hoạch 5 năm, chương trình 135, Đề án thí điểm, các nghị quyết của Trung ương", False),
    ("nghị quyết Đại hội Đảng các cấp; Công văn số 5", False),
]


@pytest.mark.parametrize(("marked", "any_found"), RULES)
def test_rules_find_what_the_guideline_names(marked: str, any_found: bool) -> None:
    text = marked.replace("[", "").replace("]", "")
    found = [text[start:end] for start, end in resolutions(text)]
    assert found == [part.split("]")[0] for part in marked.split("[")[1:]]
    assert bool(found) == any_found


def test_rules_overrule_the_other_teachers(encoder: Encoder, crf_file: Path) -> None:
    text = "theo Kết luận số 64 của Ban Bí thư"
    with CrfTagger(crf_file, encoder) as crf:
        plain, ruled = Teachers([], crf), Teachers([], crf, rules=True)
        assert np.exp(ruled.log_probs(text)[1]).sum(axis=1) == pytest.approx(1.0, abs=1e-3)
        found = [e for e in ruled.predict(Document("x", text)).entities if e.label == "RESOLUTION"]
        assert [e.text for e in found] == ["Kết luận số 64"]
        assert plain.log_probs(text)[1][5:] == pytest.approx(ruled.log_probs(text)[1][5:], abs=1e-5)
