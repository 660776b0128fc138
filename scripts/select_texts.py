"""The texts that speak of the domain: those with enough of its words among their own.

    python scripts/select_texts.py "$NGHIQUYET_CORPUS"/news.jsonl.xz -o runs/domain.jsonl --least 0.5

They are written in their order, one {"text": ...} a line, for `nghiquyet-train label` and `pretrain`.
"""

import json
import re
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from nghiquyet.console import reported
from nghiquyet.normalize import old_tone_placement
from nghiquyet_annotations.raw import replacing
from nghiquyet_training.corpus import read_texts

CUES = re.compile(
    r"\b(?:đảng bộ|chi bộ|(?:tỉnh|huyện|thành|thị|đảng) uỷ|đảng viên|uỷ ban nhân dân|ubnd|hội đồng nhân dân|hđnd"
    r"|nghị quyết|chỉ thị|trung ương|bí thư|bộ chính trị|mặt trận tổ quốc|nông thôn mới|chỉ tiêu)\b",
    re.IGNORECASE,
)
PRIOR = 50  # words added to each text's, so that one cue does not make a short text one of the domain


def density(text: str) -> float:
    """Cues in a hundred words."""
    cues = len(CUES.findall(old_tone_placement(text)))
    return 100 * cues / (len(text.split()) + PRIOR)


@reported()
def main(
    files: Annotated[list[Path], typer.Argument(help="Text files: .txt, .jsonl, .jsonl.xz")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The JSON lines to write")],
    least: Annotated[float, typer.Option(min=0, help="Cues in a hundred words")] = 0.5,
) -> None:
    """Writes the texts that reach `least`, and says how many there are."""
    kept = read = 0
    with replacing(output) as lines:
        for text in tqdm(read_texts(files), unit="text", mininterval=5):
            read += 1
            if density(text) >= least:
                lines.write(f"{json.dumps({'text': text})}\n".encode())
                kept += 1
    print(f"{output}: {kept} of {read} texts")


if __name__ == "__main__":
    typer.run(main)
