"""Incident events as they leave SkyGrid: CloudEvents 1.0 JSON, described by an AsyncAPI file."""
