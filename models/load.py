"""Opens a weight directory, verifies it, and gives a detector. The only place that picks a backend.

Neither openvino nor torch is imported before the backend that needs it is chosen.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.card import Card, find_weight, model_id, read_card, read_verified
from models.crowd import BoxCounter, CrowdCounter, DensityMap, SaturationCounter
from models.crowd_correction import BoxCorrection
from models.decode_head import HeadSettings
from models.detector import Detector
from models.errors import BackendUnavailable, UnsupportedSetting
from models.settings import CrowdSettings, DetectorSettings
from models.weight_files import choose_file

if TYPE_CHECKING:
    from models.openvino_network import OpenVinoNetwork


def load_detector(settings: DetectorSettings) -> Detector:
    """Load the detector that `settings` name.

    Raises:
        WeightError: no such weight, an impossible card, or a file that is not what the card says.
        UnsupportedSetting: the weight has no file for this backend, precision or input size.
        BackendUnavailable: the backend's library or device is not there.
    """
    directory = find_weight(settings.weights)
    card = read_card(directory)
    if card.kind != "detector":
        raise UnsupportedSetting(f"weights must be a detector, {card.name} is a {card.kind} model")
    height, width = settings.input_size
    if height % 32 or width % 32 or min(height, width) < 32:
        raise UnsupportedSetting(f"input_size must be multiples of 32, got {height}x{width}")
    if _backend(card, settings) == "openvino":
        return _openvino(directory, card, settings)
    return _ultralytics(directory, card, settings)


def load_crowd_counter(detector: DetectorSettings, settings: CrowdSettings) -> CrowdCounter:
    """A counter on the boxes of the detector that `detector` names, with density if configured.

    Raises:
        WeightError, UnsupportedSetting, BackendUnavailable: as `load_detector`; also when the
            detector's card knows no persons, or the density weight is none.
    """
    card = read_card(find_weight(detector.weights))
    if "person" not in card.labels:
        raise UnsupportedSetting(f"counting people needs the class person, {card.name} lacks it")
    correction, sure_from = BoxCorrection.of_card(card.crowd), card.thresholds.get("person")
    boxes = BoxCounter(card.labels, correction, sure_from)
    if settings.density_weights is None:
        return boxes
    return SaturationCounter(boxes, load_density(settings), settings.dense_from)


def load_density(settings: CrowdSettings) -> DensityMap:
    """The density network that `settings.density_weights` names.

    Raises:
        WeightError, UnsupportedSetting, BackendUnavailable: as `load_detector`.
    """
    directory = find_weight(settings.density_weights or "")
    card = read_card(directory)
    if card.kind != "density":
        raise UnsupportedSetting(f"density_weights must be of kind density, {card.name} is not")
    networks = [_density_network(directory, card, size, settings) for size in card.input_sizes]
    from models.openvino_density import OpenVinoDensity

    return OpenVinoDensity(networks, card)


def _density_network(
    directory: Path, card: Card, input_size: tuple[int, int], settings: CrowdSettings
) -> OpenVinoNetwork:
    file = choose_file(card, ".xml", DetectorSettings(input_size=input_size))
    graph, weights = (read_verified(directory, card, part) for part in file.parts)
    from models.openvino_network import NetworkOptions, OpenVinoNetwork

    options = NetworkOptions(
        input_size, card.preprocess, threads=settings.threads, timeout_s=settings.timeout_s
    )
    return OpenVinoNetwork(graph, weights, options)


def _backend(card: Card, settings: DetectorSettings) -> str:
    if settings.backend != "auto":
        return settings.backend
    if settings.device.startswith(("cuda", "mps")):
        return "ultralytics"
    return "openvino" if any(name.endswith(".xml") for name in card.files) else "ultralytics"


def _head(settings: DetectorSettings) -> HeadSettings:
    return HeadSettings(
        settings.confidence_floor,
        settings.nms_iou,
        settings.max_detections,
        settings.multi_label,
    )


def _openvino(directory: Path, card: Card, settings: DetectorSettings) -> Detector:
    file = choose_file(card, ".xml", settings)
    graph, weights = (read_verified(directory, card, part) for part in file.parts)
    try:
        from models.openvino_detector import OpenVinoDetector
        from models.openvino_network import NetworkOptions, OpenVinoNetwork
    except ImportError as error:
        raise BackendUnavailable(f"backend openvino needs the openvino package: {error}") from error
    options = NetworkOptions(
        settings.input_size,
        card.preprocess,
        "CPU" if settings.device in ("auto", "cpu") else settings.device,
        settings.threads,
        settings.timeout_s,
        cut_head=True,
    )
    network = OpenVinoNetwork(graph, weights, options)
    return OpenVinoDetector(network, card, model_id(card, file.parts), _head(settings))


def _ultralytics(directory: Path, card: Card, settings: DetectorSettings) -> Detector:
    file = choose_file(card, ".pt", settings.model_copy(update={"precision": "auto"}))
    weights = read_verified(directory, card, file.name)
    from models.ultralytics_detector import TorchOptions, UltralyticsDetector

    options = TorchOptions(
        settings.input_size, settings.device, settings.threads, settings.timeout_s
    )
    identity = model_id(card, file.parts)
    return UltralyticsDetector(weights, card, identity, _head(settings), options)
