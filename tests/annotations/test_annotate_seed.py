import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from nghiquyet.errors import InputError
from nghiquyet.label_studio import read_documents
from nghiquyet_annotations.marked import parse_marked
from nghiquyet_annotations.raw import write_json
from nghiquyet_annotations.server import Server
from nghiquyet_annotations.validate import read_articles, validate

MARKED = "⟦ORG|Huyện ủy⟧ 😀\r\n\tđạt ⟦METRIC|100%⟧, xa\u0300 ⟦PERSON|Bùi Hoàng Phan⟧  \u00a0."


@pytest.fixture
def annotate_seed(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("annotate_seed", root / "scripts/annotate_seed.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.label_studio
def test_what_goes_in_comes_out(annotate_seed: ModuleType, server: Server, tmp_path: Path) -> None:
    articles = tmp_path / "articles"
    articles.mkdir()
    (tmp_path / "x.marked.txt").write_bytes(MARKED.encode())
    text, entities = parse_marked(MARKED)
    (articles / "x.txt").write_bytes(text.encode())
    results = annotate_seed.read_folder(tmp_path, articles)
    entry = server, "tester@example.org", "test_annotate_seed", articles, results
    export = annotate_seed.enter(*entry, truth=True)
    try:
        with pytest.raises(InputError, match="has tasks already"):
            annotate_seed.enter(*entry, truth=True)
    finally:
        server.write(lambda api: api.projects.delete(export[0]["project"]))
    write_json(tmp_path / "export.json", export)
    (document,) = read_documents([tmp_path / "export.json"])
    assert validate(export, articles=read_articles(articles)).problems == ()
    assert (document.text, document.entities) == (text, entities)
    assert export[0]["annotations"][0]["completed_by"] == annotate_seed.account(server, "tester@example.org")
