import pytest

from nghiquyet.sources import Source
from nghiquyet_annotations.project import Project
from nghiquyet_annotations.push import present_ids, push, to_task
from nghiquyet_annotations.queue import FIELD, TAB, enqueue, waiting
from nghiquyet_annotations.server import Server
from tests.annotations.answers import HARD_TEXTS, answer

TEXTS = [text for text in HARD_TEXTS.values() if len(text) < 1000]


def test_what_was_begun_does_not_wait() -> None:
    tasks = [{"id": 1}, {"id": 2, "annotations": [{}]}, {"id": 3, "drafts": [{}]}, {"id": 4, "draft_exists": True}]
    assert [task["id"] for task in waiting(tasks)] == [1]


def _shown(server: Server, project: int) -> list[int]:
    """The tasks of the tab in the order in which Label Studio shows them."""
    views = server.read(lambda api: api.views.list(project=project))
    (view,) = [each.id for each in views if each.data and dict(each.data)["title"] == TAB]
    return [task.id for task in server.read(lambda api: list(api.tasks.list(view=view, project=project).items or []))]


@pytest.mark.label_studio
def test_the_tab_shows_the_order_and_texts_stay_as_they_are(server: Server, project: Project) -> None:
    push(server, project.id, [to_task(Source(str(i), text)) for i, text in enumerate(TEXTS)])
    before = present_ids(server, project.id)
    tasks = list(server.tasks(project.id))
    order = [task["id"] for task in tasks][::-1]
    enqueue(server, project.id, tasks, order)
    assert _shown(server, project.id) == order
    assert present_ids(server, project.id) == before
    answer(server, order[0])
    enqueue(server, project.id, list(server.tasks(project.id)), order[2:0:-1])
    assert _shown(server, project.id)[:2] == order[2:0:-1]
    assert order[0] not in _shown(server, project.id)
    places = {task["id"]: task["data"].get(FIELD) for task in server.tasks(project.id)}
    assert places == {**dict.fromkeys(order), order[2]: "0001", order[1]: "0002"}
