import numpy as np
import pytest

from streams.health import HealthLimits, HealthMonitor, HealthState

RNG = np.random.default_rng(0)


def lively(mean=120):
    return np.clip(RNG.normal(mean, 30, (36, 64)), 0, 255).astype(np.uint8)


BLACK = np.full((36, 64), 3, np.uint8)
STILL = lively()


@pytest.fixture
def monitor():
    made = HealthMonitor(0.0, HealthLimits(frozen_s=10.0, black_s=4.0, keyframe_s=12.0))
    made.connected(0.0, "h264 320x180")
    return made


def glance(monitor, times_s, picture):
    for at_s in times_s:
        monitor.keyframe(at_s)
        monitor.glanced(at_s, picture() if callable(picture) else picture)
    return monitor.read(at_s).state


def test_a_new_camera_connects_then_is_ok():
    monitor = HealthMonitor(5.0)
    assert monitor.read(5.0).state is HealthState.CONNECTING
    monitor.connected(6.0, "h264 320x180")
    health = monitor.read(6.0)
    assert (health.state, health.since_s) == (HealthState.OK, 6.0)


def test_an_attempt_to_reconnect_does_not_hide_why_it_is_down(monitor):
    monitor.offline(10.0, "connection refused")
    monitor.connecting(11.0)
    health = monitor.read(12.0)
    assert (health.state, health.reason) == (HealthState.OFFLINE, "connection refused")
    assert health.since_s == 10.0
    monitor.connected(13.0, "h264 320x180")
    assert monitor.read(13.0).state is HealthState.OK


def test_a_stall_is_told_with_its_reason(monitor):
    monitor.stalled(5.0, "no packet within 2 s")
    assert monitor.read(5.0).state is HealthState.STALLED


def test_black_needs_time_to_appear_and_two_good_pictures_to_go(monitor):
    assert glance(monitor, [0, 2], BLACK) is HealthState.OK
    assert glance(monitor, [4, 6], BLACK) is HealthState.BLACK
    assert glance(monitor, [8], lively) is HealthState.BLACK
    assert glance(monitor, [10], lively) is HealthState.OK


def test_a_dark_street_with_lamps_is_not_black(monitor):
    night = np.full((36, 64), 6, np.uint8)
    night[10:12, 20:26] = 240
    assert glance(monitor, range(0, 8, 2), night) is HealthState.OK


def test_the_same_picture_for_long_is_frozen_and_motion_clears_it(monitor):
    assert glance(monitor, range(0, 10, 2), STILL) is HealthState.OK
    assert glance(monitor, range(10, 16, 2), STILL) is HealthState.FROZEN
    assert glance(monitor, [16, 18], lively) is HealthState.OK


def test_a_quiet_scene_with_sensor_noise_is_not_frozen(monitor):
    def noisy():
        grain = RNG.integers(-1, 2, STILL.shape)
        return np.clip(STILL.astype(np.int16) + grain, 0, 255).astype(np.uint8)

    assert glance(monitor, range(0, 40, 2), noisy) is HealthState.OK


def test_few_slow_glances_cannot_freeze_a_camera():
    monitor = HealthMonitor(0.0, HealthLimits(frozen_s=10.0, keyframe_s=1e9))
    monitor.connected(0.0, "h264 320x180")
    assert glance(monitor, [0, 20, 40], STILL) is HealthState.OK


def test_one_bad_glance_is_no_news_two_are(monitor):
    monitor.glance_failed(1.0, "refused")
    assert monitor.read(1.0).state is HealthState.OK
    monitor.glance_failed(3.0, "refused")
    assert monitor.read(3.0).state is HealthState.CORRUPT
    assert glance(monitor, [5, 7], lively) is HealthState.OK


def test_missing_keyframes_are_told_and_forgotten_when_they_return(monitor):
    assert monitor.read(12.0).state is HealthState.OK
    health = monitor.read(12.5)
    assert health.state is HealthState.NO_KEYFRAMES
    assert monitor.read(20.0).since_s == health.since_s
    monitor.keyframe(21.0)
    assert monitor.read(21.0).state is HealthState.OK


@pytest.mark.parametrize(
    ("event", "state"),
    [
        pytest.param(lambda m: m.time_jump(5.0), HealthState.TIME_JUMP, id="jump"),
        pytest.param(
            lambda m: m.codec_changed(5.0, "hevc 1920x1080"), HealthState.CODEC_CHANGED, id="codec"
        ),
    ],
)
def test_what_happened_once_is_shown_for_a_while(monitor, event, state):
    event(monitor)
    monitor.keyframe(5.0)
    assert monitor.read(6.0).state is state
    monitor.keyframe(36.0)
    assert monitor.read(36.0).state is HealthState.OK


def test_a_reconnect_with_another_codec_says_which(monitor):
    monitor.offline(1.0, "gone")
    monitor.connected(2.0, "hevc 640x360")
    health = monitor.read(2.0)
    assert health.state is HealthState.CODEC_CHANGED
    assert "h264 320x180" in health.reason
    assert "hevc 640x360" in health.reason


def test_a_dead_link_outranks_the_picture(monitor):
    glance(monitor, range(0, 8, 2), BLACK)
    monitor.offline(9.0, "gone")
    assert monitor.read(9.0).state is HealthState.OFFLINE
