from typing import Any

import pytest

from nghiquyet.label_studio import text_hash
from nghiquyet.predictor import Predictor
from nghiquyet.sources import Source
from nghiquyet_annotations import preannotate as pre
from nghiquyet_annotations.predictions import model_version, predict, to_label_studio
from nghiquyet_annotations.project import Project
from nghiquyet_annotations.push import push, to_task
from nghiquyet_annotations.server import Server, ServerError
from nghiquyet_annotations.settings import Settings
from tests.annotations.answers import HARD_TEXTS, answer
from tests.annotations.faulty_proxy import FaultyProxy

TEXT = "Bí thư Huyện ủy Thanh Oai Bùi Hoàng Phan"
SEND = "/import/predictions"


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load()


@pytest.fixture(scope="module")
def version(predictor: Predictor) -> str:
    assert predictor.artefact is not None
    return model_version(predictor.artefact)


def test_the_version_names_the_model_and_a_hash(version: str) -> None:
    name, digest = version.rsplit("-", 1)
    assert name == "compact"
    assert len(digest) == 12


def test_the_prediction_is_the_predictors_own(predictor: Predictor) -> None:
    for text in (TEXT, *HARD_TEXTS.values()):
        if len(text) < 1000:
            assert list(predict(predictor, text).entities) == predictor.predict(text)


def test_confidence_lies_in_0_to_1_and_blank_text_is_sure(predictor: Predictor) -> None:
    assert 0 < predict(predictor, TEXT).confidence < 1
    assert predict(predictor, " \n").confidence == 1.0


def test_spans_carry_scores_and_an_origin(predictor: Predictor, version: str) -> None:
    found = to_label_studio(predict(predictor, TEXT), version)
    assert found["model_version"] == version
    assert found["result"]
    for region in found["result"]:
        assert 0 < region["score"] <= 1
        assert region["origin"] == "prediction"
        assert TEXT[region["value"]["start"] : region["value"]["end"]] == region["value"]["text"]


def _task(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "data": {"text": f"bài {number}"}, **more}


def test_the_plan_leaves_out_what_people_began_and_what_is_done() -> None:
    tasks = [
        _task(1),
        _task(2, annotations=[{}]),
        _task(3, drafts=[{}]),
        _task(7, drafts=[], draft_exists=True),  # another's, which the server does not show
        _task(4, predictions=[{"model_version": "m"}]),
        _task(5, predictions=[{"model_version": "older"}]),
        _task(6, meta={pre.BLIND: True}),
    ]
    found = pre.plan(tasks, "m", blind_share=0.0)
    assert [task.id for task in found.open] == [1, 5]
    assert (found.answered, found.done, found.blind) == (3, 1, 1)


def test_the_blind_share_is_drawn_by_the_text_alone() -> None:
    drawn = {name for name in map(str, range(2000)) if pre.is_drawn(name, 0.2)}
    assert 300 < len(drawn) < 500
    assert drawn <= {name for name in map(str, range(2000)) if pre.is_drawn(name, 0.5)}
    assert not any(pre.is_drawn(name, 0.0) for name in drawn)
    assert all(pre.is_drawn(str(name), 1.0) for name in range(100))


def _versions(server: Server, project: int) -> list[list[str]]:
    return [[p["model_version"] for p in task["predictions"]] for task in server.tasks(project)]


@pytest.mark.label_studio
def test_each_open_task_gets_one_prediction_also_after_a_break(
    server: Server, project: Project, proxy: FaultyProxy, label_studio: Settings, predictor: Predictor, version: str
) -> None:
    shaky = Server(Settings(proxy.url, label_studio.token))
    push(server, project.id, [to_task(Source(str(i), f"{TEXT} {i}")) for i in range(pre.BATCH + 3)])
    first = next(server.tasks(project.id))
    answer(server, first["id"])
    proxy.fail(SEND, status=500, skip=1)
    with pytest.raises(ServerError, match="status 500"):
        pre.preannotate(shaky, project.id, predictor, version, pre.plan(server.tasks(project.id), version, 0))
    proxy.mend()
    proxy.fail(SEND, forward=True, times=1)  # an answer that is lost after it was done
    rest = pre.plan(server.tasks(project.id), version, 0)
    assert (len(rest.open), rest.done) == (2, pre.BATCH)
    pre.preannotate(shaky, project.id, predictor, version, rest)
    assert _versions(server, project.id) == [[], *[[version]] * (pre.BATCH + 2)]
    assert server.read(lambda api: api.projects.get(project.id)).model_version == version
    shown = list(server.tasks(project.id))[1]
    expected = to_label_studio(predict(predictor, shown["data"]["text"]), version)
    assert {key: shown["predictions"][0][key] for key in expected} == expected
    assert shown["predictions_score"] == expected["score"]


@pytest.mark.label_studio
def test_blind_tasks_stay_blind(server: Server, project: Project, predictor: Predictor, version: str) -> None:
    texts = [f"{TEXT} {i}" for i in range(8)]
    push(server, project.id, [to_task(Source(text, text)) for text in texts])
    blind = {text for text in texts if pre.is_drawn(text_hash(text), 0.5)}
    assert 0 < len(blind) < len(texts)
    for share in (0.5, 0.0):  # the second run knows them, although nothing is said of a share
        planned = pre.plan(server.tasks(project.id), version, share)
        assert planned.blind == len(blind)
        pre.preannotate(server, project.id, predictor, version, planned)
        bare = {task["data"]["text"] for task in server.tasks(project.id) if not task["predictions"]}
        assert bare == blind
