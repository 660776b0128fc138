"""Files from the Hugging Face Hub, and plain words where it does not give them."""

from collections.abc import Sequence
from pathlib import Path

from nghiquyet.errors import ConfigError

WITHOUT_A_NETWORK = (
    "Without a network: configs/smoke.yaml, or configs/compact.yaml --set data.split=[], work with what comes with the "
    "project; or point to a copy, --set encoder.path=FOLDER (with config.json, vocab.txt, bpe.codes and the weights)"
)


def fetch(hub_id: str, names: Sequence[str], revision: str | None = None) -> Path:
    """The cached snapshot of a model with those of the files `names` that it has, downloaded where they are not there.

    What is in the cache works without a network. Raises ConfigError with the reason and the remedy.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=list(names)))
    except Exception as error:  # network, authorisation, absence: the library has a dozen kinds
        what = hub_id if revision is None else f"{hub_id} at {revision}"
        raise ConfigError(
            f"{what!r} is no local folder, and the Hub did not give it: {_reason(error, hub_id)}"
        ) from error


def _reason(error: Exception, hub_id: str) -> str:
    from huggingface_hub import errors

    page = f"https://huggingface.co/{hub_id}"
    reasons: dict[type[Exception], str] = {  # special kinds before general ones: the first that fits is told
        errors.IncompleteSnapshotError: "the cache holds a part of it only, and the Hub is out of reach. Run the same "
        "command once more with a network: the download goes on where it stopped",
        errors.LocalEntryNotFoundError: "it is not in the cache, and the Hub is out of reach or HF_HUB_OFFLINE is set. "
        + WITHOUT_A_NETWORK,
        errors.GatedRepoError: f"it is gated. Accept its conditions at {page}, then log in: hf auth login",
        errors.RepositoryNotFoundError: "there is no such public model. Mind the spelling; for a private one log in: "
        "hf auth login",
        errors.RevisionNotFoundError: f"it has no such revision; see {page}/commits/main",
        errors.HFValidationError: "a Hub id is OWNER/NAME, as vinai/phobert-base. " + WITHOUT_A_NETWORK,
        OSError: f"{type(error).__name__}, {_first_line(error)}. Run the same command once more: the download goes on "
        "where it stopped. " + WITHOUT_A_NETWORK,
    }
    return next(
        (reason for kind, reason in reasons.items() if isinstance(error, kind)),
        f"{type(error).__name__}, {_first_line(error)}. {WITHOUT_A_NETWORK}",
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "no further word")
