"""Results name the very lines that made them, so that old verdicts are not taken for new ones."""

from __future__ import annotations

import subprocess

import pytest

from bench.incidents import commit as module

HEAD = b"0123456789ab\n"


@pytest.fixture
def tree(monkeypatch):
    """Names the tree of a difference from HEAD; None: no git."""

    def name(changed: bytes | None) -> str:
        def git(*arguments: str) -> bytes:
            if changed is None:
                raise subprocess.CalledProcessError(128, "git")
            return HEAD if arguments[0] == "rev-parse" else changed

        monkeypatch.setattr(module, "_git", git)
        return module.commit.__wrapped__()

    return name


def test_a_clean_tree_is_its_commit(tree):
    assert tree(b"") == "0123456789ab"


def test_two_changes_of_one_commit_have_two_names(tree):
    first, second = tree(b"-a\n+b\n"), tree(b"-a\n+c\n")
    assert first.startswith("0123456789ab+")
    assert first != second
    assert first == tree(b"-a\n+b\n")


def test_without_git_it_is_unknown(tree):
    assert tree(None) == "unknown"
