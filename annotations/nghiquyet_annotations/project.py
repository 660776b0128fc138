"""The project on the server: found by id or title, made and brought up to date, never at the cost of a label in use."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import normalize
from xml.etree import ElementTree as ET

from nghiquyet.errors import AnnotationError, InputError
from nghiquyet.labels import LABELS, LabelSet
from nghiquyet_annotations.labelling_config import instructions, labelling_config
from nghiquyet_annotations.pull import download
from nghiquyet_annotations.raw import read_export
from nghiquyet_annotations.server import Server


@dataclass(frozen=True, slots=True)
class Project:
    """A project as far as this package looks at it; `total` tasks."""

    id: int
    title: str
    label_config: str
    instructions: str
    total: int = 0


def projects(server: Server) -> list[Project]:
    """Every project that the token's account sees."""
    found: list[Any] = server.read(lambda api: list(api.projects.list(page_size=100)))
    return [_project(each) for each in found]


def find_project(server: Server, name: str | None) -> Project:
    """The project of that id or title; InputError where there is none, or several of the title."""
    there = projects(server)
    found = [p for p in there if name and (name == str(p.id) or _same_title(name, p.title))]
    exact = [p for p in found if str(p.id) == name] or found
    if len(exact) == 1:
        return exact[0]
    if exact:
        raise InputError(f"{len(exact)} projects are called {name!r}; give an id: {_listed(exact)}")
    wanted = f"no project {name!r}" if name else "which project?"
    mend = f"give --project with one of: {_listed(there)}" if there else "make one: nghiquyet-annotate init TITLE"
    raise InputError(f"{wanted} on {server.settings.url}; {mend}")


def init_project(
    server: Server, title: str, labels: LabelSet = LABELS, guideline_url: str | None = None
) -> tuple[Project, str]:
    """Makes the project of that title, or brings it up to date; also says which: `made`, `changed` or `unchanged`.

    AnnotationError where people have used a label that the project would lose.
    """
    config, text = labelling_config(labels), instructions(labels, guideline_url)
    wanted: dict[str, Any] = {"label_config": config, "expert_instruction": text, "show_instruction": True}
    same = [project for project in projects(server) if _same_title(project.title, title)]
    if not same:
        made = server.write(lambda api: api.projects.create(title=title, **wanted))
        return _project(made), "made"
    if len(same) > 1:
        raise InputError(f"{len(same)} projects are called {title!r}, {_listed(same)}; rename all but one")
    project = same[0]
    if (project.label_config.strip(), project.instructions) == (config.strip(), text):
        return project, "unchanged"
    _check_labels_in_use(server, project, config)
    changed = server.write(lambda api: api.projects.update(project.id, **wanted))
    return _project(changed), "changed"


def _check_labels_in_use(server: Server, project: Project, wanted: str) -> None:
    """Label Studio itself would take the label away and leave its spans without one."""
    lost = config_labels(project.label_config) - config_labels(wanted)
    used = labels_in_use(_exported(server, project)) if lost else Counter[tuple[str, str]]()
    losing = {label: n for label, n in used.items() if label in lost}
    if losing:
        named = ", ".join(f"{label} ({n} spans)" for (_, label), n in sorted(losing.items()))
        raise AnnotationError(
            f"project {project.id} ({project.title}) would lose labels that people have used: {named}; "
            "relabel those spans first, or init a project of another title"
        )


def config_labels(xml: str) -> set[tuple[str, str]]:
    """The labels of a labelling configuration, each with the name of its control; none where it is not XML."""
    try:
        root = ET.fromstring(xml)
    except ET.ParseError:
        return set()
    return {
        (group.get("name", ""), label.get("value", ""))
        for group in root.iter("Labels")
        for label in group.iter("Label")
    }


def labels_in_use(tasks: Iterable[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How many spans of annotations and drafts have each label, by the name of the control that set it."""
    return Counter(
        (str(region.get("from_name", "")), name)
        for task in tasks
        for answer in (*(task.get("annotations") or ()), *(task.get("drafts") or ()))
        for region in answer.get("result") or ()
        for name in (region.get("value") or {}).get("labels") or ()
    )


def _exported(server: Server, project: Project) -> list[dict[str, Any]]:
    """The tasks as the server exports them, with everybody's drafts."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "export.json"
        download(server, project.id, path)
        return read_export(path)


def _same_title(one: str, other: str) -> bool:
    """Whether two titles look the same, however their accents are written."""
    return normalize("NFC", one) == normalize("NFC", other)


def _project(found: Any) -> Project:
    return Project(
        found.id,
        found.title or "",
        found.label_config or "",
        found.expert_instruction or "",
        getattr(found, "task_number", None) or 0,
    )


def _listed(some: list[Project]) -> str:
    return ", ".join(f"{project.id} ({project.title})" for project in some)
