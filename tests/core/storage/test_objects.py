"""Objects at an address: whole or not at all, whatever the store does; errors say what to do, and no secret."""

import hashlib
import itertools
import json

import fsspec
import pytest

from zoo.errors import OptionError, StoreError
from zoo.storage import address
from zoo.storage.address import checked_address, is_address, may_pass, opened, whole_address
from zoo.storage.objects import Objects


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("s3://bucket/a", True),
        ("simplecache::s3://bucket/a", True),
        ("file:///tmp", True),
        ("GS://b", True),
        ("/tmp/a", False),
        ("./a", False),
        ("C:\\a", False),
        ("folder:a", False),
        ("a", False),
    ],
)
def test_an_address_is_told_from_a_path(text, is_one):
    assert is_address(text) is is_one


def test_a_path_is_an_address_of_this_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert checked_address("it's a b") == f"file://{tmp_path}/it's a b"
    assert checked_address("s3://bucket/a/") == "s3://bucket/a"
    with pytest.raises(OptionError, match="settings"):
        checked_address("s3://bucket/a?signature=geheim")


@pytest.mark.parametrize("place", ["memory", "file", "s3"])
def test_what_is_put_is_found_and_replaced(place, request, tmp_path):
    below = f"file://{tmp_path}/new" if place == "file" else f"{request.getfixturevalue(place)}/x"
    objects = Objects(below)
    assert objects.names() == set() and objects.get("shards/0.parquet") is None
    objects.put("shards/0.parquet", b"one")
    objects.put("shards/1.parquet", b"other")
    objects.put("shards/0.parquet", b"two")
    assert (objects.get("shards/0.parquet"), objects.get("shards/1.parquet")) == (b"two", b"other")
    own = {f"shards/{n}-{hashlib.sha256(text).hexdigest()[:16]}.parquet" for n, text in ((0, b"two"), (1, b"other"))}
    assert objects.names() == {"shards/0.json", "shards/1.json"} | own


@pytest.mark.parametrize("damage", [b"", b"tw", b"twO", b"three", None])
def test_what_is_damaged_is_as_if_it_were_not_there(damage, memory):
    objects = Objects(memory)
    objects.put("0.parquet", b"two")
    (own,) = (name for name in objects.names() if name.endswith(".parquet"))
    if damage is None:
        fsspec.filesystem("memory").rm_file(f"/bucket/predictions/{own}")
    else:
        fsspec.filesystem("memory").pipe_file(f"/bucket/predictions/{own}", damage)
    assert objects.get("0.parquet") is None
    objects.put("0.parquet", b"two")
    assert objects.get("0.parquet") == b"two"


@pytest.mark.parametrize(
    "marker", [b"", b"{", b"[]", b'{"file": "0.json"}', b'{"file": "../0.parquet", "sha256": "x"}', b"\xff", b"null"]
)
def test_a_marker_that_is_none_counts_for_nothing(marker, memory):
    objects = Objects(memory)
    objects.put("0.parquet", b"two")
    fsspec.filesystem("memory").pipe_file("/bucket/predictions/0.json", marker)
    assert objects.get("0.parquet") is None
    objects.put("0.parquet", b"two")
    assert objects.get("0.parquet") == b"two"


def test_half_an_upload_counts_for_nothing_and_the_one_before_stays(faulty):
    objects = Objects("faulty://bucket", patience=0.0)
    objects.put("0.parquet", b"one")
    faulty.chance, faulty.kinds = 1.0, ("cut short",)
    with pytest.raises(StoreError, match="reset by peer"):
        objects.put("0.parquet", b"another")
    faulty.chance = 0.0
    assert objects.get("0.parquet") == b"one"


def test_of_two_writers_the_last_marker_counts(memory):
    first, second = Objects(memory), Objects(memory)
    first.put("0.parquet", b"first")
    second.put("0.parquet", b"second")
    assert first.get("0.parquet") == b"second"


@pytest.mark.parametrize("kind", ["refused", "late", "cut short", "lied", "read short"])
def test_every_kind_of_fault_passes(kind, faulty):
    objects = Objects("faulty://bucket")
    faulty.begin(1, 0.5, (kind,))
    for number in range(20):
        objects.put(f"{number}.parquet", str(number).encode() * 3000)
    for number in range(20):
        assert objects.get(f"{number}.parquet") in (str(number).encode() * 3000, None)
    assert faulty.met[kind] > 3
    faulty.chance = 0.0
    assert [objects.get(f"{number}.parquet") for number in range(20)] == [str(n).encode() * 3000 for n in range(20)]


@pytest.mark.parametrize("seed", range(5))
def test_no_fault_ever_gives_another_content(seed, faulty):
    objects, contents = Objects("faulty://bucket"), {}
    faulty.begin(seed, 0.4)
    for step in range(60):
        name = f"{faulty.draws.randrange(6)}.parquet"
        if faulty.draws.random() < 0.5:
            content = json.dumps([seed, step]).encode() * faulty.draws.randrange(1, 900)
            objects.put(name, content)
            contents[name] = content
        found = objects.get(name)
        assert found is None or found == contents[name]
    faulty.chance = 0.0
    assert {name: objects.get(name) for name in contents} == contents


def test_what_does_not_pass_is_told_at_once(faulty, monkeypatch):
    asked = []

    def refuse(self, path, *_, **__):
        asked.append(path)
        raise PermissionError("Access Denied")

    monkeypatch.setattr(faulty, "cat_file", refuse)
    with pytest.raises(StoreError, match=r"cannot read faulty://bucket/a: Access Denied\nlog in"):
        Objects("faulty://bucket").read("a")
    assert len(asked) == 1


def test_patience_ends(faulty):
    faulty.begin(0, 1.0, ("refused",))
    with pytest.raises(StoreError, match=r"cannot write faulty://bucket/a: .*internal error"):
        Objects("faulty://bucket", patience=0.05).write("a", b"x")
    assert faulty.met["refused"] > 1


def _answered(status):
    error = OSError("said by the store")
    error.__cause__ = Exception()
    error.__cause__.response = {"ResponseMetadata": {"HTTPStatusCode": status}}
    return error


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        *((_answered(status), True) for status in (408, 425, 429, 500, 502, 503, 504)),
        *((_answered(status), False) for status in (301, 400, 401, 403, 404, 412)),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (type("EndpointConnectionError", (type("ConnectionError", (Exception,), {}),), {})("no"), True),
        (type("NoCredentialsError", (Exception,), {})("no"), False),
        (PermissionError(), False),
        (FileNotFoundError(), False),
        (ValueError(), False),
        (NotImplementedError(), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error, passes):
    assert may_pass(error) is passes


def test_a_store_whose_package_is_absent_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    with pytest.raises(OptionError, match=r"gs://.*\npip install gcsfs"):
        opened("gs://bucket/a")


def test_a_scheme_that_there_is_not_is_refused_without_its_secrets():
    with pytest.raises(OptionError) as caught:
        opened("s4://me:geheim@bucket/a")
    assert "geheim" not in str(caught.value) and "s4" in str(caught.value)


def test_offline_asks_no_network(monkeypatch, memory):
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    opened(memory)
    with pytest.raises(StoreError, match="ZOO_OFFLINE"):
        opened("s3://bucket/a")


def test_an_address_known_without_its_secrets_is_completed_by_the_variable(monkeypatch):
    assert whole_address("s3://bucket/a") == "s3://bucket/a"
    with pytest.raises(StoreError, match="ZOO_SHARDS"):
        whole_address("s3://***@bucket/a")
    monkeypatch.setenv("ZOO_SHARDS", "s3://me:geheim@bucket/a")
    assert whole_address("s3://***@bucket/a") == "s3://me:geheim@bucket/a"
    with pytest.raises(StoreError):
        whole_address("s3://***@bucket/b")


def test_pauses_grow_and_differ_by_chance(faulty, monkeypatch):
    paused = []
    monkeypatch.setattr(address, "FIRST", 0.5)
    monkeypatch.setattr("tenacity.nap.time.sleep", paused.append)
    faulty.begin(3, 1.0, ("refused",))
    calls = itertools.count()
    monkeypatch.setattr(faulty, "_fault", lambda self, *_: "refused" if next(calls) < 7 else "")
    Objects("faulty://bucket").write("a", b"x")
    bounds = [0.5 * 2**n for n in range(7)]
    assert len(paused) == 7 and all(0 <= pause <= min(bound, 20) for pause, bound in zip(paused, bounds, strict=True))
    assert len(set(paused)) == 7
