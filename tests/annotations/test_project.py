from collections.abc import Callable
from typing import Any
from unicodedata import normalize
from xml.etree import ElementTree as ET

import pytest

from nghiquyet.errors import AnnotationError, InputError
from nghiquyet.labels import LABELS, Label, LabelSet
from nghiquyet.sources import Source
from nghiquyet_annotations.labelling_config import labelling_config
from nghiquyet_annotations.project import Project, config_labels, find_project, init_project, labels_in_use
from nghiquyet_annotations.push import push, to_task
from nghiquyet_annotations.queue import waiting
from nghiquyet_annotations.server import Server, is_begun
from tests.annotations.answers import draft

Make = Callable[..., Any]
PLACE = Label("PLACE", "#333333", "5", "a place", ("Hà Nội",))
MORE, FEWER = LabelSet((*LABELS.labels, PLACE)), LabelSet(LABELS.labels[:3])


def test_labels_of_a_configuration() -> None:
    assert config_labels(labelling_config()) == {("label", name) for name in LABELS.names}
    assert config_labels("<View>") == set()


def test_labels_in_use_counts_drafts_too(task: Make, region: Make) -> None:
    item = task(region("Huyện ủy", "ORG"), drafts=[{"result": [region("7/9", "METRIC")]}])
    assert labels_in_use([item, task(id=2)]) == {("label", "ORG"): 1, ("label", "METRIC"): 1}


@pytest.mark.label_studio
def test_init_makes_labels_hotkeys_and_instructions(server: Server, project: Project) -> None:
    found = server.read(lambda api: api.projects.get(project.id))
    labels = ET.fromstring(found.label_config or "").iter("Label")
    assert [(each.get("value"), each.get("hotkey")) for each in labels] == [(x.name, x.hotkey) for x in LABELS]
    assert found.show_instruction
    assert all(label.name in (found.expert_instruction or "") for label in LABELS)


@pytest.mark.label_studio
def test_init_again_changes_nothing(server: Server, project: Project) -> None:
    again, what = init_project(server, project.title)
    assert (again.id, what) == (project.id, "unchanged")
    _, what = init_project(server, project.title, guideline_url="https://example.org/g")
    assert what == "changed"
    _, what = init_project(server, project.title, guideline_url="https://example.org/g")
    assert what == "unchanged"


@pytest.mark.label_studio
def test_a_label_in_use_is_never_removed(server: Server, project: Project, text: str) -> None:
    init_project(server, project.title, MORE)
    push(server, project.id, [to_task(Source("a", text))])
    (task,) = server.tasks(project.id)
    value = {"start": 7, "end": 15, "labels": ["PLACE"]}
    region = {"id": "x", "from_name": "label", "to_name": "text", "type": "labels", "value": value}
    server.write(lambda api: api.annotations.create(id=task["id"], result=[region]))
    with pytest.raises(AnnotationError, match=r"PLACE \(1 spans\)"):
        init_project(server, project.title)
    assert ("label", "PLACE") in config_labels(find_project(server, str(project.id)).label_config)


@pytest.mark.label_studio
def test_a_label_in_another_accounts_draft_is_in_use(server: Server, project: Project, text: str) -> None:
    init_project(server, project.title, MORE)
    push(server, project.id, [to_task(Source("a", text))])
    (task,) = server.tasks(project.id)
    value = {"start": 7, "end": 15, "text": "Huyện ủy", "labels": ["PLACE"]}
    region = {"id": "x", "from_name": "label", "to_name": "text", "type": "labels", "value": value}
    draft(server, task["id"], [region])
    (task,) = server.tasks(project.id)
    assert is_begun(task)
    assert waiting([task]) == []
    with pytest.raises(AnnotationError, match=r"PLACE \(1 spans\)"):
        init_project(server, project.title)


@pytest.mark.label_studio
def test_a_title_that_is_another_projects_number(server: Server, project: Project) -> None:
    title = f"{project.id:03}" if project.id < 100 else str(project.id)
    other = server.write(lambda api: api.projects.create(title=title))
    try:
        found, _ = init_project(server, title)
        assert found.id == other.id
    finally:
        server.write(lambda api: api.projects.delete(other.id))


@pytest.mark.label_studio
def test_a_title_is_found_however_its_accents_are_written(server: Server, project: Project) -> None:
    again, _ = init_project(server, normalize("NFD", project.title))
    assert again.id == project.id
    assert find_project(server, normalize("NFD", project.title)).id == project.id


@pytest.mark.label_studio
def test_a_label_that_nobody_used_may_go(server: Server, project: Project) -> None:
    init_project(server, project.title, FEWER)
    assert len(config_labels(find_project(server, project.title).label_config)) == 3


@pytest.mark.label_studio
def test_a_project_that_is_not_there_or_there_twice(server: Server, project: Project) -> None:
    with pytest.raises(InputError, match=rf"no project 'none'.*{project.id}"):
        find_project(server, "none")
    with pytest.raises(InputError, match="which project"):
        find_project(server, None)
    twin = server.write(lambda api: api.projects.create(title=project.title))
    try:
        with pytest.raises(InputError, match="2 projects are called"):
            init_project(server, project.title)
    finally:
        server.write(lambda api: api.projects.delete(twin.id))
