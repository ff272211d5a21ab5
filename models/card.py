"""The card of a weight: what it sees, what it learned from, and which files are truly it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import CardError, WeightAltered, WeightMissing

CARD_FILE = "card.json"
WEIGHTS_HOME = Path(__file__).parent / "weights"
"""Where shipped weights lie, one directory each."""

Score = Annotated[float, Field(ge=0, le=1)]
InputSize = tuple[Annotated[int, Field(ge=32)], Annotated[int, Field(ge=32)]]


class CardFile(BaseModel):
    """One file of a weight.

    Attributes:
        sha256: Of the whole file, lower-case hex.
        bytes: Its size.
        precision: "int8", "fp16" or "fp32"; None reads it from the file's name.
        input_size: (height, width) the file is fixed to, None when it takes any multiple of 32.
    """

    model_config = ConfigDict(frozen=True)

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(gt=0)
    precision: Literal["int8", "fp16", "fp32"] | None = None
    input_size: InputSize | None = None


class Preprocess(BaseModel):
    """What the graph expects at its input.

    Attributes:
        in_graph: True when the file takes (1, H, W, 3) uint8 BGR itself; False when it takes
            (1, 3, H, W) float RGB divided by `scale`, which the backend then folds in.
        scale: Divisor of the pixel values.
        mean: RGB subtracted after the division.
        std: RGB divisor after the subtraction.
    """

    model_config = ConfigDict(frozen=True)

    in_graph: bool = False
    scale: float = Field(default=255.0, gt=0)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


class Card(BaseModel):
    """`card.json` of a weight directory.

    Attributes:
        name: Short name, e.g. "patrol11n"; one that ends in "-research" never is the default.
        kind: "detector" finds boxes, "density" estimates people per pixel.
        labels: Class names by class id.
        input_sizes: (height, width) pairs that were measured.
        files: By file name, relative to the card.
        thresholds: Confidence by label at which an object counts as there, from validation.
        licence: Of the weight.
        research: True when some training set is for research only.
        preprocess: What the graph expects.
        crowd: Correction from boxes to people, see `crowd.BoxCorrection`; None if not calibrated.
        density: For "density": `factor` of the map's sum.
        data, metrics, recipe: For people and reports; nothing here reads them.
    """

    model_config = ConfigDict(frozen=True)

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9._-]+$")
    kind: Literal["detector", "density"] = "detector"
    labels: tuple[str, ...] = Field(min_length=1)
    input_sizes: tuple[InputSize, ...] = Field(min_length=1)
    files: Mapping[str, CardFile] = Field(min_length=1)
    thresholds: Mapping[str, Score] = Field(default_factory=dict)
    licence: str = Field(min_length=1)
    research: bool = False
    preprocess: Preprocess = Preprocess()
    crowd: Mapping[str, Any] | None = None
    density: Mapping[str, float] | None = None
    data: Any = None
    metrics: Any = None
    recipe: Any = None

    @model_validator(mode="after")
    def _possible(self) -> Card:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError(f"labels must differ, got {list(self.labels)}")
        unknown = sorted(set(self.thresholds) - set(self.labels))
        if unknown:
            raise ValueError(f"thresholds must name labels of the card, got {unknown}")
        outside = [name for name in self.files if name != Path(name).name]
        if outside:
            raise ValueError(f"files must lie beside the card, got {outside}")
        return self


def find_weight(weights: str, home: Path = WEIGHTS_HOME) -> Path:
    """Directory of a weight given by name or path.

    Raises:
        WeightMissing: neither a shipped name nor a directory with a card.
    """
    for directory in (home / weights, Path(weights)):
        if (directory / CARD_FILE).is_file():
            return directory
    shipped = sorted(p.parent.name for p in home.glob(f"*/{CARD_FILE}"))
    raise WeightMissing(
        f"weights must be a shipped name ({', '.join(shipped) or 'none is shipped'}) "
        f"or a directory with a {CARD_FILE}, got {weights!r}"
    )


def read_card(directory: Path) -> Card:
    """Read and check `card.json` of a weight directory.

    Raises:
        WeightMissing: no card.
        CardError: not JSON, a field missing, or something impossible.
    """
    path = directory / CARD_FILE
    try:
        return Card.model_validate_json(path.read_bytes())
    except OSError as error:
        raise WeightMissing(f"a weight must have a card, got none at {path}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{_place(e['loc'])}: {e['msg']}" for e in error.errors()[:5])
        raise CardError(f"{path} must be a weight's card, got {wrong}") from error


def read_verified(directory: Path, card: Card, file: str) -> bytes:
    """Bytes of a weight file, only if they are what the card says.

    Raises:
        WeightMissing: the card does not name the file, or it is not there.
        WeightAltered: size or SHA-256 differ.
    """
    path = directory / file
    if file not in card.files:
        raise WeightMissing(f"{path} must be named in the card of {card.name}, it is unknown there")
    expected = card.files[file]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightMissing(
            f"{path} of weight {card.name} cannot be read ({error.strerror}): restore the file"
        ) from error
    if len(content) != expected.bytes:
        raise WeightAltered(
            f"{path} must have {expected.bytes} bytes, got {len(content)}: "
            "it is truncated or another file; restore the weight directory"
        )
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected.sha256:
        raise WeightAltered(
            f"{path} must have SHA-256 {expected.sha256[:12]}…, got {digest[:12]}…: "
            "it was changed; restore the weight directory, or write a new card for a new weight"
        )
    return content


def model_id(card: Card, files: Iterable[str]) -> str:
    """Name and first six hex digits of the files' hash, e.g. "patrol11n@1f2e3d".

    One file gives its own SHA-256; several give the SHA-256 of their joined digests by name.
    """
    digests = [card.files[file].sha256 for file in sorted(files)]
    joined = digests[0] if len(digests) == 1 else _sha256("".join(digests).encode())
    return f"{card.name}@{joined[:6]}"


def describe_file(path: Path, **fields: Any) -> CardFile:
    """The card's entry of a file as it lies there; `fields` are the other columns of `CardFile`."""
    content = path.read_bytes()
    return CardFile(sha256=_sha256(content), bytes=len(content), **fields)


def write_card(directory: Path, card: Card) -> None:
    """Write `card.json` beside the files it names, whole or not at all."""
    partial = directory / (CARD_FILE + ".partial")
    partial.write_text(card.model_dump_json(indent=1, exclude_none=True) + "\n", "utf-8")
    partial.replace(directory / CARD_FILE)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "card"
