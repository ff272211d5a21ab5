"""A camera's account never shows, whatever goes wrong and whoever prints it."""

import os
import subprocess
import sys

import pytest
import structlog

from streams.backoff import Backoff
from streams.camera import Camera, CameraOptions
from streams.errors import StreamError
from streams.source import SourceOptions, open_source

SECRET = "s3cret-pw"


def test_nothing_that_a_camera_says_holds_the_password(street, until):
    options = CameraOptions(
        source=SourceOptions(open_timeout_s=1.0), backoff=Backoff(first_s=0.05, most_s=0.1)
    )
    said = []
    with structlog.testing.capture_logs() as logs:
        for address in ("127.0.0.1:9", f"127.0.0.1:{street.port}"):
            camera = Camera(
                "gate", f"rtsp://guard:{SECRET}@{address}/locked?token={SECRET}", options
            )
            camera.start()
            until(lambda camera=camera: camera.stats.failures > 2)
            said += [repr(camera), camera.address, repr(camera.health), repr(camera.stats)]
            said += [repr(vars(camera)["options"]), repr(camera._reader)]
            camera.stop()
    text = f"{said} {logs}"
    assert any(entry["event"] == "camera_state" for entry in logs)
    assert "Connection refused" in text
    assert "401" in text
    assert SECRET not in text


def test_errors_carry_no_address_in_their_chain():
    with pytest.raises(StreamError) as caught:
        open_source("gate", f"rtsp://guard:{SECRET}@127.0.0.1:9/x")
    error = caught.value
    while error is not None:
        assert SECRET not in f"{error!r}{error.args}"
        error = error.__cause__ or error.__context__


def test_the_libraries_below_print_nothing(tmp_path):
    script = (
        "import sys; from streams.source import open_source\n"
        "try: open_source('gate', sys.argv[1])\n"
        "except Exception as error: print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, f"rtsp://guard:{SECRET}@127.0.0.1:9/x"],
        capture_output=True, text=True, timeout=60, env=os.environ, check=True,
    )  # fmt: skip
    assert "camera gate" in said.stdout
    assert SECRET not in said.stdout + said.stderr
