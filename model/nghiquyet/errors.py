"""The errors of this package: each says what was got, what is allowed, and how to mend it."""


class NghiquyetError(Exception):
    """Base of every error that this package raises on purpose."""


class InputError(NghiquyetError, ValueError):
    """A text or document that cannot be worked on: not a string, not UTF-8, missing, malformed."""


class ArtefactError(NghiquyetError):
    """A model folder that lacks a file, or whose hash, labels or segmenter do not fit."""


class ConfigError(NghiquyetError, ValueError):
    """A setting that is unknown, malformed or contradicts another."""


class WorkerError(NghiquyetError):
    """A process that works for this one ended on its own."""


class AnnotationError(NghiquyetError, ValueError):
    """An export or gold span that breaks the annotation scheme's form."""


class MissingExtraError(NghiquyetError, ImportError):
    """A feature whose optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        self._arguments = feature, extra
        super().__init__(f"{feature} needs an optional dependency: pip install 'nghiquyet[{extra}]'")

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), self._arguments  # or it would not come out of a worker process
