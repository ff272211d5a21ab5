"""The training loop: what it learns, when it ends, and that a killed run goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from models.errors import TrainingRefused  # noqa: E402
from models.training.loop import Cost, Schedule, TrainingRun, check_checkpoint, decayed  # noqa: E402

STEPS = 40


def new_run(directory: Path) -> TrainingRun:
    """Two numbers that shall learn to double; all runs begin alike and save after every step."""
    torch.manual_seed(0)
    network = torch.nn.Conv2d(1, 1, 1)
    schedule = Schedule(steps=STEPS, rate=0.1, warmup_steps=5, checkpoint_s=0.0, threads=0)
    return TrainingRun(network, decayed(network.parameters(), 0.0), schedule, directory)


def learn(run: TrainingRun, killed_at: int | None = None) -> list[int]:
    """Learn to the end, or to a step; returns the steps at which the run reported."""
    reports: list[int] = []

    def take(progress: float) -> torch.Tensor:
        if run.state.step == killed_at:
            raise KeyboardInterrupt
        return torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(run.state.step))

    def loss(batch: torch.Tensor, progress: float) -> Cost:
        error = ((run.network(batch) - 2 * batch) ** 2).mean()
        return error, {"error": error}, len(batch)

    run.learn(take, loss, lambda state, progress: reports.append(state.step))
    return reports


def weights(run: TrainingRun) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in run.network.parameters()])


def test_a_run_learns_what_the_loss_asks_for_and_reports(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    before = weights(run).clone()
    assert learn(run) == [20, 40]
    assert abs(weights(run)[0] - 2) < abs(before[0] - 2)
    assert (run.state.step, run.state.pictures) == (STEPS, 4 * STEPS)
    rows = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [20, 40]
    assert rows[1]["losses"]["error"] < rows[0]["losses"]["error"]


def test_a_killed_run_ends_like_one_that_was_not(tmp_path: Path) -> None:
    whole = new_run(tmp_path / "whole")
    learn(whole)
    with pytest.raises(KeyboardInterrupt):
        learn(new_run(tmp_path / "killed"), killed_at=13)
    resumed = new_run(tmp_path / "killed")
    assert resumed.state.step == 13
    learn(resumed)
    assert torch.equal(weights(resumed), weights(whole))
    assert resumed.state.pictures == whole.state.pictures
    averages = (run.average.state_dict()["weight"] for run in (resumed, whole))
    assert torch.equal(*averages)


def test_a_run_that_is_over_learns_no_more(tmp_path: Path) -> None:
    learn(new_run(tmp_path))
    again = new_run(tmp_path)
    before = weights(again).clone()
    assert learn(again) == []
    assert torch.equal(weights(again), before)


def test_schedule_ends_at_zero_by_time_or_by_steps() -> None:
    assert Schedule(hours=1).progress(10, 1800) == pytest.approx(0.5)
    assert Schedule(steps=40).progress(10, 1e9) == pytest.approx(0.25)
    schedule = Schedule(rate=1.0, warmup_steps=10)
    assert schedule.rate_at(0, 0) == pytest.approx(0.1)
    assert schedule.rate_at(100, 1.0) == pytest.approx(0.01)
    assert schedule.frozen_at(0.1) == 11
    assert schedule.frozen_at(0.9) == 5


def test_the_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    network = torch.nn.Conv2d(1, 1, 1)
    groups = decayed(network.parameters(), 0.0)
    TrainingRun(network, groups, Schedule(), tmp_path, identity={"start": "a", "seed": 1}).save()
    TrainingRun(network, groups, Schedule(hours=9), tmp_path, identity={"start": "a", "seed": 1})
    with pytest.raises(TrainingRefused, match="another start:"):
        TrainingRun(network, groups, Schedule(), tmp_path, identity={"start": "b", "seed": 1})


def test_a_checkpoint_without_an_identity_is_of_an_earlier_version(tmp_path: Path) -> None:
    torch.save({"network": {}}, tmp_path / "last.pt")
    with pytest.raises(TrainingRefused, match="earlier version"):
        check_checkpoint(tmp_path, {})
