from __future__ import annotations

from panneuro.core.progress import Progress, Silence


def test_silence_listens_to_everything():
    progress: Progress = Silence()
    progress.start("hashing", 100)
    progress.start("files", 3, unit="files")
    progress.advance(3)
