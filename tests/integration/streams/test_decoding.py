"""Decoding of keyframes and runs of packets, whole and damaged."""

import dataclasses
import itertools

import cv2
import numpy as np
import pytest

from sample_videos.catalogue import CLIPS
from streams.decode import FrameDecoder, decode_picture, decode_pictures
from streams.errors import DecodeError
from streams.nal import codec_parameter_sets, join, units
from streams.source import open_source
from streams.testcard import TestCard, write_test_card
from streams.types import CodecInfo


@pytest.mark.parametrize("kind", ["plain", "hevc"])
def test_a_keyframe_decodes_from_either_form_of_stream(kind, clip, read_packets, street):
    prefixed = read_packets(clip(kind))[0]
    with open_source("gate", street.url(kind)) as source:
        annexb = next(iter(source))
    size = prefixed.codec.width, prefixed.codec.height
    in_band_only = dataclasses.replace(annexb, codec=CodecInfo(prefixed.codec.name, *size))
    wanted = decode_picture(prefixed).frame()
    for packet in (annexb, in_band_only):
        assert np.array_equal(decode_picture(packet).frame().image, wanted.image)
    unsized = dataclasses.replace(annexb, codec=CodecInfo(prefixed.codec.name, 0, 0))
    whole = FrameDecoder()
    deblocked = [*whole.decode(prefixed), *whole.flush()][0].frame()
    assert np.array_equal(decode_picture(unsized).frame().image, deblocked.image)
    assert wanted.timestamp_s == prefixed.timestamp_s
    assert wanted.captured_at == prefixed.captured_at


def test_a_finely_coded_keyframe_looks_the_same_without_deblocking(read_packets):
    keys = [p for p in read_packets(CLIPS / "demo-crowd.mp4") if p.is_keyframe]
    differ = []
    for key in keys[:6]:
        quick = decode_picture(key).frame().image.astype(int)
        whole = FrameDecoder()
        wanted = [*whole.decode(key), *whole.flush()][0].frame().image
        differ.append(float(np.abs(quick - wanted).mean()))
    coarse = [len(k.data) < 0.04 * k.codec.width * k.codec.height for k in keys[:6]]
    assert 0 < sum(coarse) < 6, "the clip must have keyframes of both kinds"
    assert all((change == 0) == is_coarse for change, is_coarse in zip(differ, coarse, strict=True))
    assert max(differ) < 1.0


def test_a_smaller_picture_is_the_same_picture(clip, read_packets):
    key = read_packets(clip("large"))[0]
    small = decode_picture(key).frame(size=(160, 96)).image
    full = decode_picture(key).frame().image
    wanted = cv2.resize(full, (160, 96), interpolation=cv2.INTER_AREA)
    assert small.shape == (96, 160, 3)
    assert np.abs(small.astype(int) - wanted).mean() < 2.0


@pytest.mark.parametrize(
    "roi", [(0, 0, 320, 192), (10, 20, 110, 90), (11, 21, 112, 93), (300, 180, 400, 400)]
)
def test_a_crop_is_that_part_of_the_full_picture(roi, clip, read_packets):
    picture = decode_picture(read_packets(clip("large"))[0])
    x1, y1, x2, y2 = roi
    wanted = picture.frame().image[y1:y2, x1:x2]
    crop = picture.frame(roi=roi).image
    assert crop.shape == wanted.shape
    # Chroma of the outermost pixels is interpolated from what the crop has.
    assert np.abs(crop.astype(int) - wanted).mean() < 1.5
    assert picture.frame(roi=roi, size=(64, 64)).image.shape == (64, 64, 3)


@pytest.mark.parametrize("kind", ["large", "hevc"])
@pytest.mark.parametrize("part", [(0.0, 1.0), (0.25, 0.75)])
def test_sampling_a_region_is_the_region_converted_and_then_scaled(kind, part, clip, read_packets):
    picture = decode_picture(read_packets(clip(kind))[0])
    width, height = picture.size
    corners = [round(end * side) & ~1 for end in part for side in (width, height)]
    x1, y1, x2, y2 = corners
    size = ((x2 - x1) // 2, (y2 - y1) // 2)
    whole = picture.frame()
    wanted = cv2.resize(whole.image[y1:y2, x1:x2], size, interpolation=cv2.INTER_LINEAR)
    found = picture.sampled(size, (x1, y1, x2, y2))
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).mean() < 2.0
    assert np.array_equal(whole.sampled(size, (x1, y1, x2, y2)), wanted)


def test_a_crop_beside_the_picture_is_refused(clip, read_packets):
    with pytest.raises(ValueError, match="must overlap"):
        decode_picture(read_packets(clip("large"))[0]).frame(roi=(400, 0, 500, 50))


def test_the_brightness_thumbnail_is_that_of_the_picture(clip, read_packets):
    picture = decode_picture(read_packets(clip("large"))[0])
    grey = cv2.cvtColor(picture.frame().image, cv2.COLOR_BGR2GRAY)
    thumbnail = picture.luma((64, 36))
    assert thumbnail.shape == (36, 64)
    # Studio range (16-235) against full range.
    assert np.corrcoef(thumbnail.ravel(), cv2.resize(grey, (64, 36)).ravel())[0, 1] > 0.98


@pytest.mark.parametrize("kind", ["plain", "b_frames", "hevc_b_frames", "variable"])
def test_a_span_gives_every_picture_in_order_at_its_time(kind, clip, read_packets):
    packets = read_packets(clip(kind))
    frames = list(decode_pictures(packets))
    assert [f.timestamp_s for f in frames] == sorted(p.timestamp_s for p in packets)


@pytest.mark.parametrize(("fps", "count"), [(25, 50), (10, 20), (5, 10), (1, 2)])
def test_a_span_is_thinned_to_the_rate_asked_for(fps, count, clip, read_packets):
    assert len(list(decode_pictures(read_packets(clip("b_frames")), fps))) == count


def test_a_span_survives_damage_and_goes_on_at_the_next_keyframe(clip, read_packets):
    packets = read_packets(clip("plain"))
    rng = np.random.default_rng(3)
    damaged = [
        dataclasses.replace(p, data=rng.bytes(len(p.data))) if 5 <= i < 10 else p
        for i, p in enumerate(packets)
    ]
    frames = list(decode_pictures(damaged))
    good = {p.timestamp_s for p in packets[:5] + packets[25:]}
    assert good <= {f.timestamp_s for f in frames}


def test_the_decoder_begins_anew_at_another_epoch(clip, read_packets):
    small = read_packets(clip("plain"))[:10]
    large = [
        dataclasses.replace(p, epoch=1, timestamp_s=p.timestamp_s + 100)
        for p in read_packets(clip("large"))[:10]
    ]
    frames = list(decode_pictures(small + large))
    assert [f.size for f in frames] == [(160, 96)] * 10 + [(320, 192)] * 10
    assert [f.epoch for f in frames] == [0] * 10 + [1] * 10


def test_the_decoder_waits_for_a_keyframe(clip, read_packets):
    packets = read_packets(clip("plain"))
    decoder = FrameDecoder()
    assert list(itertools.chain.from_iterable(map(decoder.decode, packets[1:25]))) == []
    assert decoder.decode(packets[25]) + decoder.flush() != []


def test_missing_parameter_sets_are_told(clip, read_packets):
    key = dataclasses.replace(read_packets(clip("plain"))[0], codec=CodecInfo("h264", 0, 0))
    with pytest.raises(DecodeError, match="camera gate"):
        decode_picture(key)


@pytest.mark.parametrize("kind", ["plain", "hevc"])
def test_hostile_bytes_end_in_an_error_or_a_picture_never_in_a_crash(kind, clip, read_packets):
    key = read_packets(clip(kind))[0]
    rng = np.random.default_rng(7)
    refused = 0
    for round_ in range(150):
        data = bytearray(key.data)
        if round_ % 3 == 0:
            data = bytearray(rng.bytes(int(rng.integers(0, 400))))
        elif round_ % 3 == 1:
            del data[int(rng.integers(0, len(data))) :]
        else:
            for at in rng.integers(0, len(data), 20):
                data[at] = int(rng.integers(0, 256))
        extradata = key.codec.extradata if round_ % 2 else rng.bytes(int(rng.integers(0, 60)))
        codec = CodecInfo(key.codec.name, 0, 0, extradata)
        try:
            decode_picture(dataclasses.replace(key, data=bytes(data), codec=codec)).luma()
        except DecodeError:
            refused += 1
    assert refused > 50


def test_a_picture_beyond_the_largest_size_is_refused(clip, read_packets, monkeypatch):
    key = read_packets(clip("large"))[0]
    monkeypatch.setattr("streams.decode.MAX_PIXELS", 320 * 192 - 1)
    with pytest.raises(DecodeError):
        decode_picture(key)
    monkeypatch.setattr("streams.decode.MAX_PIXELS", 640 * 480)
    assert decode_picture(key).size == (320, 192)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_keyframe_with_a_hole_is_no_picture(codec, tmp_path, read_packets):
    card = TestCard(codec=codec, size=(320, 192), duration_s=0.4, noise=30, bit_rate=4_000_000)
    key = read_packets(write_test_card(tmp_path / "noisy.mp4", card))[0]
    assert decode_picture(key).size == (320, 192)
    nals = units(key.codec, key.data)
    nals[-1] = nals[-1][:1500] + nals[-1][2900:]
    bare = join(codec_parameter_sets(key.codec) + nals)
    with pytest.raises(DecodeError, match="camera gate"):
        decode_picture(dataclasses.replace(key, data=bare, codec=CodecInfo(codec, 0, 0)))


def test_half_the_size_looks_as_any_other_reduction(clip, read_packets):
    picture = decode_picture(read_packets(clip("large"))[0])
    size = picture.size[0] // 2, picture.size[1] // 2
    half = picture.averaged(size).astype(int)
    assert np.abs(half - picture.frame(size).image).mean() < 2.5
