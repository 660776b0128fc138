import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from nghiquyet.errors import AnnotationError
from nghiquyet.label_studio import read_documents, read_tasks, text_hash
from nghiquyet_annotations.manifest import EXPORTS, MANIFEST, SCHEME_VERSION, sha256, verify
from nghiquyet_annotations.raw import read_export, read_json, write_json
from nghiquyet_annotations.validate import read_articles, validate


@pytest.fixture
def articles(root: Path) -> Path:
    return root / "annotations/articles"


@pytest.fixture
def gold(root: Path) -> Path:
    return root / "annotations/gold"


def test_the_manifest_fits_the_files(articles: Path, gold: Path) -> None:
    assert verify(articles, gold) == []


def test_the_articles_are_unchanged_byte_for_byte(articles: Path, gold: Path) -> None:
    recorded = {name: article["sha256"] for name, article in read_json(gold / MANIFEST)["articles"].items()}
    assert recorded == {file.name: sha256(file) for file in articles.iterdir()}
    assert len(recorded) == 5


@pytest.mark.parametrize("name", EXPORTS)
def test_the_exports_are_valid_and_of_these_articles(articles: Path, gold: Path, name: str) -> None:
    report = validate(read_export(gold / name), articles=read_articles(articles))
    assert [str(problem) for problem in report.problems] == []
    texts = {task.text for task in read_tasks(gold / name)}
    assert texts == {file.read_bytes().decode("utf-8") for file in articles.iterdir()}


def test_the_gold_is_ground_truth_by_a_third_account(gold: Path) -> None:
    answers = {name: [a for task in read_tasks(gold / name) for a in task.annotations] for name in EXPORTS}
    assert all(answer.ground_truth for answer in answers["gold.json"])
    assert not any(answer.ground_truth for name in ("pass-a.json", "pass-b.json") for answer in answers[name])
    annotators = [{answer.annotator for answer in found} for found in answers.values()]
    assert len(set.union(*annotators)) == sum(map(len, annotators)) == 3


def test_the_counts_are_those_of_the_gold(articles: Path, gold: Path) -> None:
    manifest = read_json(gold / MANIFEST)
    documents = {document.id: document for document in read_documents([gold / "gold.json"])}
    for name, article in manifest["articles"].items():
        document = documents[text_hash((articles / name).read_bytes().decode("utf-8"))]
        counts = Counter(entity.label for entity in document.entities)
        assert article["spans"] == {**counts, "all": len(document.entities)}
    assert manifest["exports"]["gold.json"]["spans"]["all"] == sum(len(d.entities) for d in documents.values())


def test_a_changed_file_is_found(articles: Path, gold: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(gold, tmp_path / "gold"))
    items = read_export(copied / "gold.json")
    items[0]["annotations"][0]["result"].pop()
    write_json(copied / "gold.json", items)
    found = verify(articles, copied)
    assert "exports.gold.json.sha256" in found
    assert "exports.gold.json.spans.all" in found
    changed = Path(shutil.copytree(articles, tmp_path / "articles"))
    file = min(changed.iterdir())
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert f"articles.{file.name}.sha256" in verify(changed, gold)


def test_an_unfinished_manifest_is_an_error(articles: Path, gold: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(gold, tmp_path / "gold"))
    write_json(copied / MANIFEST, {"scheme_version": SCHEME_VERSION})
    with pytest.raises(AnnotationError, match="label_studio_version"):
        verify(articles, copied)


def test_nothing_but_pseudonyms_stands_in_the_exports(gold: Path) -> None:
    for name in (*EXPORTS, MANIFEST):
        items = read_json(gold / name)
        for item in items if isinstance(items, list) else []:
            item["data"].pop("text")
        written = json.dumps(items)
        assert written.count("@") == written.count("@example.org")
        assert "127.0.0.1" not in written
        assert "localhost" not in written
