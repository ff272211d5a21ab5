import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.redact import redact, redact_text


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        pytest.param("rtsp://10.0.0.1/live", "rtsp://10.0.0.1/live", id="nothing to hide"),
        pytest.param("rtsp://admin:pw@10.0.0.1:554/1", "rtsp://***@10.0.0.1:554/1", id="account"),
        pytest.param("rtsp://admin@10.0.0.1/1", "rtsp://***@10.0.0.1/1", id="name only"),
        pytest.param("rtsp://a:p@ss/w#?d@10.0.0.1/1", "rtsp://***@10.0.0.1/1", id="unescaped"),
        pytest.param(
            "rtsp://h/cam?channel=1&subtype=0&token=abc",
            "rtsp://h/cam?channel=1&subtype=0&token=***",
            id="token in the query",
        ),
        pytest.param(
            "rtsp://h:554/user=admin_password=tl_Jwp_channel=1_stream=0.sdp",
            "rtsp://h:554/user=***_password=***_channel=1_stream=0.sdp",
            id="account in the path",
        ),
        pytest.param("clips/a@b:c.mp4", "clips/a@b:c.mp4", id="a file is no address"),
    ],
)
def test_hides_secrets_and_keeps_the_rest(url, safe):
    assert redact(url) == safe


def test_addresses_inside_a_text_are_redacted():
    text = "open 'rtsp://u:pw@h/1' failed, then rtsp://v:qx@h/2"
    assert redact_text(text) == "open 'rtsp://***@h/1' failed, then rtsp://***@h/2"


@given(
    user=st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=1),
    secret=st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), min_size=8),
)
def test_no_password_survives_whatever_it_is_made_of(user, secret):
    shown = redact(f"rtsp://{user}:{secret}@camera.example/stream")
    assert secret not in shown
    assert shown.endswith("@camera.example/stream")
