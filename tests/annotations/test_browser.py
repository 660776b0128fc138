"""An annotator at work: what is done with mouse and keys in the page is what is pulled, span for span."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from nghiquyet import LABELS, Entity, Predictor, predict
from nghiquyet.label_studio import entities, read_tasks
from nghiquyet.sources import Source
from nghiquyet_annotations import preannotate, push
from nghiquyet_annotations.project import Project
from nghiquyet_annotations.pull import pull
from nghiquyet_annotations.server import Server
from tests.annotations.browser import Page, chromium

TEXT = (
    "Bí thư Huyện ủy Thanh Oai 😀 Bùi Hoàng Phan phát biểu.\r\n\r\n"
    "Đạt\t7/9 chỉ tiêu;  nhiều tổ dân phố 👩🏽\u200d🌾 vượt trội.\n"
)
ADDED = "tổ dân phố"


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def invitation(server: Server) -> str:
    """The address at which a new annotator signs up."""
    settings = server.settings
    request = Request(f"{settings.url}/api/invite", headers={"Authorization": f"Token {settings.token}"})
    with urlopen(request, timeout=settings.timeout) as answer:
        return settings.url + str(json.load(answer)["invite_url"])


@pytest.mark.label_studio
def test_a_span_added_with_mouse_and_hotkey_is_pulled_exactly(
    server: Server, project: Project, page: Page, tmp_path: Path
) -> None:
    push.push(server, project.id, [push.to_task(Source("bài", TEXT))])
    plan = preannotate.plan(server.tasks(project.id), "compact", 0)
    preannotate.preannotate(server, project.id, Predictor.load(), "compact", plan)
    predicted = predict(TEXT)
    assert predicted
    mail = f"annotator-{secrets.token_hex(4)}@example.org"
    page.enter(invitation(server), mail, secrets.token_urlsafe())
    page.open(f"{server.settings.url}/projects/{project.id}/data?task={plan.open[0].id}", len(predicted))
    assert page.spans() == [(entity.text, entity.label) for entity in predicted]

    page.press(next(label.hotkey for label in LABELS if label.name == "ORG"))
    page.drag_over(ADDED)
    page.wait.until(lambda driver: (ADDED, "ORG") in page.spans())
    page.submit()
    page.wait.until(lambda driver: any(task["annotations"] for task in server.tasks(project.id)))

    pulled = pull(server, project.id, tmp_path)
    (task,) = read_tasks(pulled.export)
    start = TEXT.index(ADDED)
    added = Entity.of(TEXT, start, start + len(ADDED), "ORG")
    assert task.text == TEXT
    assert {e.key for e in entities(task, task.annotations[0])} == {e.key for e in (*predicted, added)}
    assert pulled.report.problems == ()
    assert mail not in pulled.export.read_text("utf-8")
    origins = {
        line["origin"]: (line["start"], line["end"])
        for row in pulled.documents.read_text("utf-8").splitlines()
        for line in json.loads(row)["entities"]
    }
    assert origins.keys() == {"prediction", "manual"}
    assert origins["manual"] == (added.start, added.end)
