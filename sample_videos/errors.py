"""What can go wrong with sample videos.

SampleError
├── ScenarioError    a scenario file that cannot be read or does not fit the language
├── TruthError       a truth file that does not fit the format or contradicts itself
├── SampleFetchError a public clip that cannot be fetched
└── SampleHashError  a clip whose bytes are not the ones the manifest names
"""


class SampleError(Exception):
    """Base of everything this folder raises."""


class ScenarioError(SampleError):
    """A scenario that cannot be read or does not fit the language."""


class TruthError(SampleError):
    """A truth file that does not fit the format or contradicts itself."""


class SampleFetchError(SampleError):
    """A public clip cannot be fetched; trying again later may help."""


class SampleHashError(SampleError):
    """A clip's bytes are not the ones that the manifest names."""
