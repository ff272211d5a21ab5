"""New and still things of unknown class: the one part of the decisions that sees pixels."""

from pipeline.novelty.detector import NoveltyDetector
from pipeline.novelty.settings import NoveltySettings
from pipeline.novelty.shrunk import ShrunkNovelty

__all__ = ["NoveltyDetector", "NoveltySettings", "ShrunkNovelty"]
