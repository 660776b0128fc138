"""Real runs of a tiny encoder: train, package, load, resume, leave one out, export."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import RobertaForTokenClassification, TrainerCallback
from typer.testing import CliRunner

from nghiquyet import Predictor
from nghiquyet.artefact import open_artefact
from nghiquyet.documents import Document
from nghiquyet.errors import ConfigError
from nghiquyet_training.cli import app
from nghiquyet_training.config import DataConfig, EncoderConfig, TrainConfig
from nghiquyet_training.crossval import crossval, leave_one_out
from nghiquyet_training.data import load_splits, tenth
from nghiquyet_training.encoder_source import build_encoder, build_model
from nghiquyet_training.export import export
from nghiquyet_training.run import finished_metrics, fit, run
from nghiquyet_training.soup import average
from nghiquyet_training.trainer import SpanTrainer, parameter_groups, seqeval_f1
from nghiquyet_training.transitions import count_transitions
from tests.conftest import GOLD, ROOT, TINY_ENCODER


def smoke(output: Path, *overrides: str) -> TrainConfig:
    return TrainConfig.load(
        ROOT / "configs" / "smoke.yaml",
        [f"output={output}", f"encoder.path={TINY_ENCODER}", f"data.train=[{GOLD}]", *overrides],
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that learns the five articles by heart, tested on them: it must come out well."""
    output = tmp_path_factory.mktemp("run") / "smoke"
    run(smoke(output, "optimizer.epochs=12", "optimizer.learning_rate=5e-3", "window_pieces=64"))
    return output


def test_a_run_leaves_all_that_tells_how_it_came_about(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} == {
        "config.yaml",
        "run.json",
        "metrics.json",
        "history.json",
        "train.log",
        "model",
    }
    about = json.loads((finished / "run.json").read_text("utf-8"))
    assert {"commit", "seconds", "versions", "data"} <= about.keys()
    assert about["data"]["parts"]["train"] == {"documents": 5, "spans": 206}
    assert list(about["data"]["files"]) == ["gold/gold.json"]
    history = json.loads((finished / "history.json").read_text("utf-8"))
    assert any("loss" in entry for entry in history)
    assert "windows to train on" in (finished / "train.log").read_text("utf-8")


def test_a_run_is_ready_to_load_and_has_learnt(finished: Path, gold: list[Document]) -> None:
    predictor = Predictor.load(finished / "model")
    hits = sum(len({e.key for e in predictor.predict(d.text)} & d.keys) for d in gold)
    assert hits > 40  # of 206: one layer of width 32 learns the frequent names


def test_plain_transformers_opens_the_model(finished: Path) -> None:
    model = RobertaForTokenClassification.from_pretrained(finished / "model")
    assert model.config.id2label[1] == "B-ORG"


def test_a_finished_folder_is_not_written_over(finished: Path) -> None:
    with pytest.raises(ConfigError, match="finished run"):
        run(smoke(finished))


class _PullThePlug(TrainerCallback):
    def on_save(self, *_: object, **__: object) -> None:
        raise KeyboardInterrupt


def test_a_stopped_run_goes_on_and_ends_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ("optimizer.epochs=3", "optimizer.bf16=false")
    run(smoke(tmp_path / "whole", *settings))
    with monkeypatch.context() as patch:
        plain = SpanTrainer.__init__

        def with_interruption(self: SpanTrainer, **kwargs: object) -> None:
            plain(self, **kwargs)  # type: ignore[arg-type]
            self.add_callback(_PullThePlug())

        patch.setattr(SpanTrainer, "__init__", with_interruption)
        with pytest.raises(KeyboardInterrupt):
            run(smoke(tmp_path / "broken", *settings))
    with pytest.raises(ConfigError, match="--resume"):
        run(smoke(tmp_path / "broken", *settings))
    with pytest.raises(ConfigError, match="other settings"):
        run(smoke(tmp_path / "broken", "seed=5"), resume=True)
    run(smoke(tmp_path / "broken", *settings), resume=True)
    whole, resumed = (
        RobertaForTokenClassification.from_pretrained(tmp_path / name / "model").state_dict()
        for name in ("whole", "broken")
    )
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_leaving_one_out_predicts_every_document_once(tmp_path: Path, gold: list[Document]) -> None:
    scores = crossval(smoke(tmp_path / "loo"))
    assert scores["micro"].counts.gold == 206
    assert {path.name for path in (tmp_path / "loo").iterdir()} == {
        "config.yaml",
        "predictions.jsonl",
        "metrics.json",
        "run.json",
    }
    lines = (tmp_path / "loo" / "predictions.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [d.id for d in gold]


@pytest.mark.parametrize("int8", [False, True])
def test_an_export_agrees_with_its_checkpoint(finished: Path, tmp_path: Path, articles: list[str], int8: bool) -> None:
    parity = export(finished / "model", tmp_path / "onnx", articles, int8=int8)
    assert parity.words > 5000
    assert parity.equal_labels >= (0.98 if int8 else 0.9999)
    predictor = Predictor.load(tmp_path / "onnx")
    assert predictor.artefact is not None
    assert f"parity of {'int8' if int8 else 'fp32'} with the checkpoint" in predictor.artefact.manifest.metrics
    assert sum(len(predictor.predict(text)) for text in articles) > 0
    with pytest.raises(ConfigError, match="exists already"):
        export(finished / "model", tmp_path / "onnx", articles, int8=int8)


def test_the_commands_print_tables(finished: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    result = CliRunner().invoke(app, ["evaluate", str(finished / "model"), str(GOLD), "--json", str(rows)])
    assert result.exit_code == 0
    assert "micro" in result.output
    assert json.loads(rows.read_text("utf-8"))["micro"]["gold"] == 206
    refused = CliRunner().invoke(app, ["run", "configs/none.yaml"])
    assert refused.exit_code == 2
    assert "cannot read the configuration" in refused.stderr


def test_seqeval_of_the_gold_against_itself_is_one(gold: list[Document], finished: Path) -> None:
    encoder = Predictor.load(finished / "model").encoder
    assert seqeval_f1(gold, gold, encoder) == 1.0


def test_rates_fall_from_layer_to_layer() -> None:
    encoder = EncoderConfig(path=str(TINY_ENCODER))
    config = TrainConfig.model_validate({"name": "x", "output": "x", "encoder": encoder.model_dump(), "data": {}})
    options = config.optimizer.model_copy(update={"layer_decay": 0.5, "learning_rate": 1e-3, "head_rate": 1e-2})
    groups = parameter_groups(build_model(TINY_ENCODER, encoder, 0), options)
    assert {group["lr"] for group in groups} == {1e-2, 1e-3, 5e-4}
    assert sum(len(group["params"]) for group in groups) == len(
        list(build_model(TINY_ENCODER, encoder, 0).parameters())
    )


def test_a_run_that_cannot_start_leaves_nothing_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match="Hub did not give it"):
        run(smoke(tmp_path / "run", "encoder.path=vinai/phobert-base"))
    assert not (tmp_path / "run").exists()


def parted(folder: Path, gold: list[Document]) -> Path:
    """The five articles as an export whose documents fall into tenths: ids are made up to hit those wanted."""
    wanted = iter([0, 0, 0, 9, 8])
    tasks = []
    for document in gold:
        target = next(wanted)
        name = next(f"{document.id}-{i}" for i in range(1000) if tenth(f"{document.id}-{i}") == target)
        result = [
            {"type": "labels", "value": {"start": e.start, "end": e.end, "labels": [e.label]}}
            for e in document.entities
        ]
        tasks.append({"id": 1, "data": {"text": document.text, "doc_id": name}, "annotations": [{"result": result}]})
    path = folder / "parted.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def test_a_development_part_chooses_the_epoch_and_stops_early(tmp_path: Path, gold: list[Document]) -> None:
    export_path = parted(tmp_path, gold)
    # The rate is so small that nothing changes after the first epoch: patience must end the run.
    rates = ("optimizer.learning_rate=1e-9", "optimizer.head_rate=1e-9")
    settings = ("data.train=[]", f"data.split=[{export_path}]", "optimizer.epochs=9", "optimizer.patience=2", *rates)
    scores = run(smoke(tmp_path / "run", *settings))
    assert list(scores) == ["development", "test tenth"]
    history = json.loads((tmp_path / "run" / "history.json").read_text("utf-8"))
    evaluated = [entry for entry in history if "eval_f1" in entry]
    assert 2 <= len(evaluated) <= 4
    assert all(0.0 <= entry["eval_seqeval_f1"] <= 1.0 for entry in evaluated)


def test_scores_are_recorded_in_the_manifest_and_the_card(finished: Path, tmp_path: Path, articles: list[str]) -> None:
    folder = tmp_path / "model"
    export(finished / "model", folder, articles[:1], int8=True)
    command = ["evaluate", str(folder), str(GOLD), "--record", "the five articles"]
    assert CliRunner().invoke(app, command).exit_code == 0
    predictor = Predictor.load(folder)
    assert predictor.artefact is not None
    assert predictor.artefact.manifest.metrics["the five articles"]["micro"]["gold"] == 206
    assert "**the five articles**" in (folder / "README.md").read_text("utf-8")
    nothing = CliRunner().invoke(app, ["evaluate", str(folder), str(GOLD), "--tenth", "0", "--json", str(tmp_path)])
    assert nothing.exit_code in (0, 2)


def test_the_export_command_has_defaults(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished / "model", tmp_path / "model"))
    texts = str(ROOT / "annotations" / "articles")
    result = CliRunner().invoke(app, ["export", str(folder), "--onnx", "--int8", "--texts", texts])
    assert result.exit_code == 0
    assert "labels equal" in result.output
    assert Predictor.load(tmp_path / "model-onnx-int8").predict("") == []
    blank = tmp_path / "blank.txt"
    blank.write_text(" ", encoding="utf-8")
    refused = CliRunner().invoke(app, ["export", str(folder), "-o", str(tmp_path / "x"), "--texts", str(blank)])
    assert refused.exit_code == 2
    assert "not blank" in refused.stderr


def test_crossval_refuses_data_that_it_would_not_use(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"set data\.split=\[\]"):
        leave_one_out(smoke(tmp_path, f"data.split=[{GOLD}]"))


def test_a_batch_does_not_change_an_fp32_answer(finished: Path, tmp_path: Path, articles: list[str]) -> None:
    folder = tmp_path / "fp32"
    export(finished / "model", folder, articles[:1], int8=False)
    texts = [line for article in articles for line in article.splitlines()]
    for model in (Predictor.load(finished / "model"), Predictor.load(folder)):
        keys = [[e.key for e in found] for found in model.predict_batch(texts)]
        assert [[e.key for e in found] for found in model.predict_batch(texts, batch_size=7)] == keys


def test_a_finished_run_is_taken_for_its_own_settings_alone(finished: Path) -> None:
    config = TrainConfig.load(finished / "config.yaml")
    assert finished_metrics(config) == json.loads((finished / "metrics.json").read_text("utf-8"))
    with pytest.raises(ConfigError, match="other settings"):
        finished_metrics(config.model_copy(update={"seed": 7}))


def test_a_bundled_name_is_no_folder_to_write_to(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["evaluate", "compact", str(GOLD), "--record", "x"], ["calibrate", "compact", "--gold", str(GOLD)]):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 2
        assert "no model 'compact'" in result.stderr
    shutil.copytree(finished / "model", tmp_path / "compact")
    assert CliRunner().invoke(app, ["calibrate", "compact", "--gold", str(GOLD)]).exit_code == 0
    name = open_artefact(tmp_path / "compact").manifest.name
    assert name == open_artefact(finished / "model").manifest.name


def test_a_model_for_other_words_is_not_fine_tuned(finished: Path) -> None:
    with pytest.raises(ConfigError, match=r"set encoder\.segmenter=syllable"):
        build_encoder(finished / "model", "underthesea")


def test_how_tags_follow_each_other_counts_in_every_measurement(tmp_path: Path, gold: list[Document]) -> None:
    for weight in ("0", "1"):
        config = smoke(tmp_path / weight, f"transition_weight={weight}")
        fitted = fit(config, gold[:1], [], tmp_path / weight)
        assert fitted.transitions == count_transitions(gold[:1], fitted.encoder, float(weight))


def test_results_are_not_filed_under_the_name_of_others(tmp_path: Path) -> None:
    shutil.copy(GOLD, tmp_path / "development.json")
    with pytest.raises(ConfigError, match="the name of other results"):
        load_splits(DataConfig(train=[], split=[str(GOLD)], test=[str(tmp_path / "development.json")]))


def test_the_mean_of_several_models_is_one(finished: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    run(smoke(other, "optimizer.epochs=1", "window_pieces=64", "seed=5"))
    folders = [str(finished / "model"), str(other / "model")]
    made = CliRunner().invoke(app, ["average", *folders, "-o", str(tmp_path / "mean")])
    assert made.exit_code == 0, made.output
    a, b, mean = (load_file(Path(folder) / "model.safetensors") for folder in [*folders, tmp_path / "mean"])
    for name, tensor in mean.items():
        torch.testing.assert_close(tensor.float(), (a[name].float() + b[name].float()) / 2, atol=1e-3, rtol=1e-3)
    manifest = open_artefact(tmp_path / "mean").manifest
    assert (manifest.metrics, manifest.temperature, manifest.operating_points) == ({}, 1.0, ())
    assert manifest.transitions is not None
    assert isinstance(Predictor.load(tmp_path / "mean", backend="torch").predict("Huyện ủy"), list)


def test_what_cannot_be_averaged_is_refused(finished: Path, tmp_path: Path) -> None:
    model = finished / "model"
    with pytest.raises(ConfigError, match="needed two"):
        average([model], tmp_path / "mean")
    with pytest.raises(ConfigError, match="exists already"):
        average([model, model], model)
    with pytest.raises(ConfigError, match="words or pieces of their own"):
        average([model, ROOT / "training" / "checkpoints" / "compact"], tmp_path / "mean")
