from pathlib import Path

import pytest

from nghiquyet.errors import ConfigError
from nghiquyet_annotations.settings import TIMEOUT, Settings, read_settings

NONE: dict[str, str] = {}
FROM_ENVIRONMENT = {"NGHIQUYET_LABEL_STUDIO_URL": "http://e:1", "NGHIQUYET_LABEL_STUDIO_TOKEN": "from-environment"}


@pytest.fixture(autouse=True)
def no_config_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def _file(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "label-studio.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_options_go_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, 'url = "http://f:1"\ntoken = "from-file"\nproject = 7\ntimeout = 5')
    assert read_settings(config=path, environment=NONE) == Settings("http://f:1", "from-file", "7", 5.0)
    found = read_settings("http://o:1/", config=path, environment=FROM_ENVIRONMENT)
    assert found == Settings("http://o:1", "from-environment", "7", 5.0)


def test_the_default_file_is_read_where_it_is_there(tmp_path: Path) -> None:
    path = tmp_path / "config" / "nghiquyet" / "label-studio.toml"
    path.parent.mkdir(parents=True)
    path.write_text('url = "http://d:1"\ntoken = "t"')
    assert read_settings(environment=NONE) == Settings("http://d:1", "t", None, TIMEOUT)


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, 'url = "http://n:1"\ntoken = "t"')
    assert read_settings(environment={"NGHIQUYET_LABEL_STUDIO_CONFIG": str(path)}).url == "http://n:1"


def test_the_token_is_not_in_the_repr() -> None:
    assert "secret" not in repr(Settings("http://x:1", "secret"))


@pytest.mark.parametrize(("given", "lacking"), [({}, "url"), ({"url": "http://x"}, "token")])
def test_what_lacks_is_named_with_the_ways_to_give_it(given: dict[str, str], lacking: str) -> None:
    with pytest.raises(ConfigError, match=f"NGHIQUYET_LABEL_STUDIO_{lacking.upper()}.*--{lacking}"):
        read_settings(**given, environment=NONE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('tokn = "secret"', "unknown key tokn"),
        ("token = secret", "not TOML"),
        ('url = "localhost:8080"\ntoken = "secret"', "needed one such as http://"),
        ('url = "http://x"\ntoken = "secret"\ntimeout = "soon"', "timeout is 'soon'"),
        ('url = "http://x"\ntoken = "secret"\ntimeout = -1', "timeout is '-1'"),
    ],
)
def test_a_bad_file_is_an_error_that_keeps_the_token(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_settings(config=_file(tmp_path, content), environment=NONE)
    assert "secret" not in str(caught.value)


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        read_settings(config=tmp_path / "none.toml", environment=NONE)
