"""What can go wrong with a model.

ModelError
├── WeightError           a weight that must not be used
│   ├── WeightMissing     no such weight, card or file
│   ├── CardError         the card is unreadable or says something impossible
│   └── WeightAltered     a file's size or hash is not what the card says
├── BackendUnavailable    the library or the device behind a backend is not there
├── UnsupportedSetting    settings that this weight or backend cannot serve
├── DetectionError        a picture that cannot be used, or an inference that failed or hung
├── DetectorClosed        detect() after close()
└── TrainingRefused       a training run that could not end well
"""


class ModelError(Exception):
    """Base of everything this folder raises on purpose."""


class WeightError(ModelError):
    """A weight that must not be used."""


class WeightMissing(WeightError):
    """No such weight directory, card or file."""


class CardError(WeightError):
    """The card cannot be read or says something impossible."""


class WeightAltered(WeightError):
    """A weight file is truncated or is not the one that its card describes."""


class BackendUnavailable(ModelError):
    """The library or the device behind a backend is not there."""


class UnsupportedSetting(ModelError):
    """Settings that this weight or this backend cannot serve."""


class DetectionError(ModelError):
    """A picture that cannot be used, or an inference that failed or did not end in time."""


class DetectorClosed(ModelError):
    """detect() was called after close()."""


class TrainingRefused(ModelError):
    """A training run that could not end well: what was asked for does not fit together."""
