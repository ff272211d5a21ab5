"""A page to watch a clip and write down what is true of it."""

from sample_videos.annotate.app import annotate_app, serve_annotate
from sample_videos.annotate.draft import draft_of

__all__ = ["annotate_app", "draft_of", "serve_annotate"]
