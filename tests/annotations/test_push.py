"""Whatever breaks while articles are sent, a second run completes it, and no text is there twice."""

from collections import Counter

import pytest

from nghiquyet.errors import InputError
from nghiquyet.label_studio import text_hash
from nghiquyet.sources import Source
from nghiquyet_annotations.project import Project
from nghiquyet_annotations.push import BATCH, check, plan, present_ids, push, to_task
from nghiquyet_annotations.server import Server, ServerError
from nghiquyet_annotations.settings import Settings
from tests.annotations.faulty_proxy import FaultyProxy

IMPORT = "/import"
SOURCES = [Source(f"{i}.txt", f"Bài số {i}\r\n") for i in range(2 * BATCH + 5)]


def test_the_plan_sorts_new_present_and_repeated() -> None:
    a, b, again = Source("a", "một"), Source("b", "hai"), Source("c", "hai")
    found = plan([a, b, again], present={text_hash("một")})
    assert (found.present, found.repeated) == ((a,), (again,))
    assert found.new == ({"data": {"text": "hai", "doc_id": text_hash("hai"), "name": "b"}},)


@pytest.mark.parametrize("text", ["", " \n", "a\0b", "a\ud800b"])
def test_what_no_server_can_keep_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"x\.txt"):
        check(Source("x.txt", text))


def _texts(server: Server, project: int) -> Counter[str]:
    return Counter(task["data"]["text"] for task in server.tasks(project))


def _whole(server: Server, project: int) -> bool:
    return _texts(server, project) == Counter(source.text for source in SOURCES)


def _tasks(server: Server, project: int) -> list[dict[str, object]]:
    return list(plan(SOURCES, present_ids(server, project)).new)


@pytest.fixture
def shaky(proxy: FaultyProxy, label_studio: Settings) -> Server:
    return Server(Settings(proxy.url, label_studio.token, timeout=30.0))


@pytest.mark.label_studio
def test_each_text_is_one_task_and_a_second_push_sends_nothing(server: Server, project: Project) -> None:
    done: list[int] = []
    push(server, project.id, _tasks(server, project.id), done.append)
    assert done == [BATCH, BATCH, 5]
    assert _whole(server, project.id)
    assert _tasks(server, project.id) == []


@pytest.mark.label_studio
def test_a_task_from_elsewhere_with_a_wrong_id_is_known_by_its_text(server: Server, project: Project) -> None:
    task = to_task(SOURCES[0])
    task["data"]["doc_id"] = "wrong"
    push(server, project.id, [task])
    assert len(_tasks(server, project.id)) == len(SOURCES) - 1


@pytest.mark.label_studio
@pytest.mark.parametrize("forward", [False, True], ids=["before it arrives", "after it was done"])
def test_a_connection_that_breaks_once_is_not_seen(
    proxy: FaultyProxy, shaky: Server, server: Server, project: Project, forward: bool
) -> None:
    proxy.fail(IMPORT, forward=forward, skip=1, times=1)
    done: list[int] = []
    push(shaky, project.id, _tasks(server, project.id), done.append)
    assert _whole(server, project.id)
    assert sum(done) == len(SOURCES)


@pytest.mark.label_studio
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({}, "connection to .* failed"),
        ({"status": 500}, r"status 500"),
        ({"status": 401, "body": b'{"detail": "Invalid token."}'}, "does not accept the token"),
        ({"status": 429, "headers": {"Retry-After": "0"}}, "asked too often"),
    ],
    ids=["stopped", "500", "401", "429"],
)
def test_a_push_that_was_broken_off_is_completed_by_a_second(
    proxy: FaultyProxy, shaky: Server, server: Server, project: Project, fault: dict[str, object], message: str
) -> None:
    proxy.fail(IMPORT, skip=1, **fault)
    with pytest.raises(ServerError, match=message):
        push(shaky, project.id, _tasks(server, project.id))
    arrived = _texts(server, project.id)
    assert BATCH <= arrived.total() < len(SOURCES)
    proxy.mend()
    push(shaky, project.id, _tasks(shaky, project.id))
    assert _whole(server, project.id)


@pytest.mark.label_studio
def test_a_server_that_stops_altogether(proxy: FaultyProxy, shaky: Server, server: Server, project: Project) -> None:
    proxy.fail(IMPORT, skip=1)
    proxy.fail("GET /api/tasks")
    with pytest.raises(ServerError, match="run the command again"):
        push(shaky, project.id, _tasks(server, project.id))
    proxy.mend()
    push(shaky, project.id, _tasks(shaky, project.id))
    assert _whole(server, project.id)


@pytest.mark.label_studio
def test_tasks_whose_answer_is_always_lost_are_there_once(
    proxy: FaultyProxy, shaky: Server, server: Server, project: Project
) -> None:
    proxy.fail(IMPORT, forward=True)
    push(shaky, project.id, _tasks(server, project.id))
    assert _whole(server, project.id)
