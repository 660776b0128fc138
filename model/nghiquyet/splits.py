"""Which documents are trained on and which are held out: by the hash of their id alone, so it never changes."""

import hashlib
from enum import StrEnum


class Part(StrEnum):
    """What a document is for, by default."""

    TRAIN = "train"
    DEV = "development"
    TEST = "test"


DEV_TENTH, TEST_TENTH = 9, 8


def tenth(doc_id: str) -> int:
    """The tenth, 0 to 9, that a document falls into."""
    return int(hashlib.sha256(doc_id.encode()).hexdigest()[:8], 16) % 10


def part(doc_id: str) -> Part:
    """The part that a document falls into where a configuration says nothing else."""
    return {DEV_TENTH: Part.DEV, TEST_TENTH: Part.TEST}.get(tenth(doc_id), Part.TRAIN)
