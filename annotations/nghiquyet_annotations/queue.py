"""The order in which to annotate, on the server: a number in each task's data, and a tab that sorts by it."""

from collections.abc import Callable, Sequence
from typing import Any

from nghiquyet_annotations.server import Server, is_begun

FIELD = "queue"  # of a task's data; "0001" comes first, for Label Studio sorts data as strings
TAB = "Hàng đợi"
DIGITS = 4


def waiting(tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tasks that nobody has answered or begun."""
    return [task for task in tasks if not is_begun(task)]


def enqueue(
    server: Server,
    project: int,
    tasks: Sequence[dict[str, Any]],
    order: Sequence[int],
    advance: Callable[[int], None] = lambda n: None,
) -> None:
    """Gives the tasks with the ids of `order` their places, takes the place of all others, and makes the tab.

    Only what differs is written, so that a second run completes one that was broken off.
    """
    places = {task: f"{number:0{DIGITS}}" for number, task in enumerate(order, start=1)}
    for task in tasks:
        data = {key: value for key, value in task["data"].items() if key != FIELD}
        if task["id"] in places:
            data[FIELD] = places[task["id"]]
        if data != task["data"]:
            server.write(lambda api, task=task, data=data: api.tasks.update(str(task["id"]), data=data))  # type: ignore[misc]
        advance(1)
    _make_tab(server, project)


def _make_tab(server: Server, project: int) -> None:
    unanswered = {"filter": "filter:tasks:total_annotations", "operator": "equal", "type": "Number", "value": 0}
    data: Any = {
        "title": TAB,
        "ordering": [f"tasks:data.{FIELD}"],
        "filters": {"conjunction": "and", "items": [unanswered]},
    }
    views = server.read(lambda api: api.views.list(project=project))
    if not any(view.data and _title(view.data) == TAB for view in views):
        server.write(lambda api: api.views.create(project=project, data=data))


def _title(data: Any) -> Any:
    return data.get("title") if isinstance(data, dict) else getattr(data, "title", None)
