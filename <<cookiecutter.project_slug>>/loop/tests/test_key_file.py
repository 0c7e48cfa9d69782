"""The endpoint's own key: made once and whole, for its owner alone, and found on this machine."""

from __future__ import annotations

import os
import stat
import threading

import pytest

from mlops_loop import key_file
from mlops_loop.errors import UsageError

KEY = "correct-horse-battery-staple"


@pytest.fixture
def place(tmp_path):
    return tmp_path / "folder" / "key"


def test_made_once(place):
    """Long, by chance, for its owner alone, and nothing else is left beside it."""
    umask = os.umask(0)
    try:
        key = key_file.make(place)
    finally:
        os.umask(umask)
    assert len(key) == 43
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert key_file.make(place) == key == place.read_text().strip()
    assert list(place.parent.iterdir()) == [place]
    assert key_file.make(place.with_name("other")) != key


def test_two_that_start_at_once(place):
    """Have one key."""
    keys, gate = [], threading.Barrier(8)

    def start():
        gate.wait()
        keys.append(key_file.make(place))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(keys), len(set(keys))) == (8, 1)


def test_one_that_came_later_takes_the_first(place, monkeypatch):
    """Also where it saw no file: the name is given to one of them only."""
    first = key_file.make(place)
    key_file._write_new(place)
    assert key_file.read(place) == first


WRONG = {
    "others may read": (lambda path: path.chmod(0o644), r"has mode 0644: others may use it"),
    "a group may read": (lambda path: path.chmod(0o640), r"has mode 0640"),
    "empty": (lambda path: path.write_text(""), r"holds no key"),
    "short": (lambda path: path.write_text("hunter2\n"), r"holds no key"),
    "two lines": (lambda path: path.write_text(f"{KEY}\n{KEY}\n"), r"holds no key"),
    "not ASCII": (lambda path: path.write_text("\u00e4" * 30), r"holds no key"),
    "gone": (lambda path: path.unlink(), r"cannot be read: No such file"),
    "a folder": (lambda path: path.unlink() or path.mkdir(), r"cannot be read: Is a directory"),
    "a pipe": (lambda path: path.unlink() or os.mkfifo(path, 0o600), r"is no file"),
}


@pytest.mark.parametrize(("damage", "reason"), WRONG.values(), ids=WRONG)
def test_a_file_that_is_not_used(place, damage, reason):
    """By name, with the next command, and without what is in it."""
    key = key_file.make(place)
    damage(place)
    words = rf"/folder/key {reason}.* Next: rm .*/folder/key, and"
    with pytest.raises(UsageError, match=words) as refused:
        key_file.read(place)
    assert not {key, KEY, "hunter2"} & set(str(refused.value).split())


def test_a_file_of_another_user(place, monkeypatch):
    key_file.make(place)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(UsageError, match=r"belongs to the user \d+, and this is 12345"):
        key_file.read(place)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("")
    return tmp_path


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_found_while_it_runs(project, place, host):
    """By port; what ended has no key, because another process may listen there now."""
    key = key_file.make(place)
    with key_file.noted([(host, 8000), (host, 8001)], place):
        asked = [key_file.of(f"http://127.0.0.1:{port}/logs") for port in (8000, 8001, 8002)]
    assert asked == [key, key, ""]
    assert key_file.of("http://127.0.0.1:8000") == ""


OTHERS = [
    "http://localhost:8000",  # which may lead to another process, on ::1
    "https://127.0.0.1:8000",
    "http://example.org:8000",
    "http://127.0.0.1.example.org:8000",
    "http://[::1]:8000",
    "http://127.0.0.1:80000",
    "",
]


@pytest.mark.parametrize("url", OTHERS)
def test_no_other_address_gets_it(project, place, url):
    key_file.make(place)
    with key_file.noted([("127.0.0.1", 8000)], place):
        assert key_file.of(url) == ""


@pytest.mark.parametrize("host", ["192.0.2.1", "127.0.0.2"])
def test_what_this_address_does_not_lead_to(project, place, host):
    key_file.make(place)
    with key_file.noted([(host, 8000)], place):
        assert key_file.of("http://127.0.0.1:8000") == ""


def test_only_in_a_project(project, place):
    """Elsewhere, and where nothing can be written, no note is made."""
    (project / "params.yaml").unlink()
    with key_file.noted([("127.0.0.1", 8000)], place):
        assert not (project / "build").exists()
    (project / "params.yaml").write_text("")
    (project / "build").write_text("a file")
    with key_file.noted([("127.0.0.1", 8000)], place):
        assert key_file.of("http://127.0.0.1:8000") == ""
