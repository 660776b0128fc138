"""Configurations: strict, documented, and every shipped one valid."""

from pathlib import Path

import pytest

from nghiquyet.errors import ConfigError
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.explore import Exploration, Variant
from nghiquyet_training.pretrain_config import PretrainConfig
from nghiquyet_training.settings import Settings, expand
from tests.conftest import ROOT

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
COMMANDS = {"run": TrainConfig, "crossval": TrainConfig, "pretrain": PretrainConfig, "explore": Exploration}


def command_of(path: Path) -> list[str]:
    """The words of the command in the first line of a configuration."""
    first = path.read_text("utf-8").splitlines()[0]
    assert first.startswith("# ")
    words = [word for word in first[2:].split() if "=" not in word]
    if words[:2] == ["nghiquyet-annotate", "backend"]:  # which runs it
        return ["run", words[words.index("--train") + 1]]
    if words[:2] == ["python", "scripts/explore.py"]:
        return ["explore", words[2]]
    assert words[0] == "nghiquyet-train"
    return words[1:]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_shipped_configuration_is_valid_and_says_its_command(path: Path) -> None:
    command, argument, *_ = command_of(path)
    assert ROOT / argument == path
    assert COMMANDS[command].load(path)


def test_every_variant_of_the_exploration_is_a_valid_pretraining() -> None:
    plan = Exploration.load(ROOT / "configs" / "explore.yaml")
    configs = [plan.pretraining(each, Path("t"), "v", Path("o")) for each in plan.variants.values()]
    assert len({config.dump() for config in configs}) >= len(configs) - 4  # some differ in texts or vocabulary alone
    TrainConfig.load(ROOT / plan.tagger, plan.tagger_overrides)


def test_the_configurations_that_are_promised_exist() -> None:
    promised = {"phobert-base", "phobert-base-v2", "phobert-large", "compact", "smoke", "pretrain-compact"}
    assert {path.stem for path in CONFIGS} >= promised


@pytest.mark.parametrize("kind", [TrainConfig, PretrainConfig, Exploration, Variant])
def test_every_value_is_documented(kind: type[Settings]) -> None:
    pending: list[type[Settings]] = [kind]
    while pending:
        for name, field in (model := pending.pop()).model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
            if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
                pending.append(field.annotation)


def write(folder: Path, text: str) -> Path:
    path = folder / "c.yaml"
    path.write_text(text, encoding="utf-8")
    return path


MINIMAL = "name: x\noutput: runs/x\nencoder: {path: p}\ndata: {}\n"


def test_overrides_reach_into_the_tree(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    config = TrainConfig.load(path, ["optimizer.learning_rate=1e-5", "data.train=[a.json]", "seed=3"])
    assert config.optimizer.learning_rate == 1e-5
    assert config.data.train == ["a.json"]
    assert config.seed == 3


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        (MINIMAL + "optimizer: {epoch: 3}\n", [], r"optimizer\.epoch: Extra inputs"),
        (MINIMAL, ["optimizer.epochs=-1"], r"optimizer\.epochs: .*greater than 0, got -1"),
        (MINIMAL, ["data.dev_tenths=[10]"], "number from 0 to 9"),
        (MINIMAL, ["name"], "needed key=value"),
        (MINIMAL, ["name.x=1"], "holds a value"),
        (MINIMAL, ["name=[1"], "not YAML"),
        ("- a\n", [], "needed a mapping"),
        ("a: [\n", [], "not YAML"),
        ("name: x\n", [], "encoder: Field required"),
    ],
)
def test_mistakes_are_told_with_their_path(tmp_path: Path, text: str, overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig.load(write(tmp_path, text), overrides)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        TrainConfig.load(tmp_path / "none.yaml")


def test_what_is_dumped_is_read_back(tmp_path: Path) -> None:
    config = TrainConfig.load(ROOT / "configs" / "compact.yaml")
    assert TrainConfig.load(write(tmp_path, config.dump())) == config


def test_variables_are_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_FOLDER", "/data")
    assert expand("${SOME_FOLDER}/a.json") == Path("/data/a.json")
    monkeypatch.delenv("SOME_FOLDER")
    with pytest.raises(ConfigError, match="SOME_FOLDER is not set"):
        expand("${SOME_FOLDER}/a.json")
