"""Files and folders of the user's own at an address: copied once, whole, and known by content wherever they lie."""

import hashlib
import http.server
import json
import os
import threading
from functools import partial
from pathlib import Path

import fsspec
import pytest
import torch

import zoo
from zoo.data import on_disk, parted
from zoo.data.copies import address_of, copying
from zoo.data.files import fetch
from zoo.errors import DataError, OptionError, StoreError, WeightsError
from zoo.opening import save_state

ROWS = "a,b,label\n" + "".join(f"{i},{i % 7},{'odd' if i % 2 else 'even'}\n" for i in range(60))


def picture(seed: int) -> bytes:
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    pixels = torch.randint(0, 256, (8, 8, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    Image.fromarray(pixels.numpy()).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def photos(tmp_path):
    """A folder of two classes."""
    for number in range(8):
        path = tmp_path / "photos" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
    return tmp_path / "photos"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(ROWS)
    return path


def upload(folder: Path, address: str) -> None:
    files, root = fsspec.core.url_to_fs(address)
    for path in folder.rglob("*.*"):
        files.pipe_file(f"{root}/{path.relative_to(folder).as_posix()}", path.read_bytes())


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, with their dates, or with nothing that tells whether they changed; all requests are counted."""

    asked: list[tuple[str, str]] = []  # noqa: RUF012
    dated = True
    heads = True

    def log_message(self, *_):
        self.asked.append((self.command, self.path))

    def translate_path(self, path):
        return super().translate_path(path.partition("?")[0])

    def send_header(self, name, value):
        if self.dated or name != "Last-Modified":
            super().send_header(name, value)

    def do_HEAD(self):
        return super().do_HEAD() if self.heads else self.send_error(405)


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A web server of `tmp_path`: its address."""
    monkeypatch.setattr(Handler, "asked", [])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def net(features: int) -> torch.nn.Module:
    made = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(features, 2))
    with torch.no_grad():
        for one in made.parameters():
            one.copy_(torch.randn(one.shape, generator=torch.Generator().manual_seed(1)))
    return made


def run(data: str, features: int = 2):
    return zoo.evaluate(net(features), data, classes="dataset", key="net", progress=False)


def test_a_path_is_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert on_disk("a") == tmp_path / "a" and address_of(tmp_path / "a") == ""
    assert on_disk(f"file://{tmp_path}/a") == tmp_path / "a"
    assert on_disk("~") == Path.home()


@pytest.mark.parametrize("place", ["memory", pytest.param("s3", marks=pytest.mark.slow)])
def test_a_folder_elsewhere_is_the_same_data(place, request, photos):
    address = f"{request.getfixturevalue(place)}/photos"
    upload(photos, address)
    near, far = run(f"folder:{photos}", 192), run(f"folder:{address}", 192)
    assert (far.key, far.results, far.dataset.fingerprint) == (near.key, near.results, near.dataset.fingerprint)
    assert far.shards.reused == far.shards.total and far.dataset.name == f"folder:{address}"


@pytest.mark.parametrize("place", [pytest.param("memory", marks=pytest.mark.slow), "s3", "web"])
def test_a_table_elsewhere_is_the_same_data(place, request, table):
    base = request.getfixturevalue(place)
    if place != "web":
        upload(table.parent, base)
    near, far = run(f"csv:{table}"), run(f"csv:{base}/table.csv")
    assert (far.key, far.results) == (near.key, near.results)
    held_out = run(f"csv:holdout=0.5:{base}/table.csv")
    assert held_out.results == run(f"csv:holdout=0.5:{table}").results


def test_a_copy_is_fetched_once_and_anew_when_it_changed(memory, photos):
    upload(photos, f"{memory}/photos")
    told = []
    with copying(lambda done, total: told.append((done, total))):
        first = on_disk(f"{memory}/photos")
        assert told[-1][0] == told[-1][1] == sum(path.stat().st_size for path in photos.rglob("*.png"))
        told.clear()
        assert on_disk(f"{memory}/photos") == first and not told
        fsspec.filesystem("memory").pipe_file("/bucket/predictions/photos/cat/1.png", picture(99))
        second = on_disk(f"{memory}/photos")
    assert second != first and (second / "cat/1.png").read_bytes() == picture(99)
    assert (first / "cat/1.png").read_bytes() == picture(1)  # whoever reads it goes on
    assert address_of(second / "cat/1.png") == f"{memory}/photos/cat/1.png"


def test_a_web_file_is_fetched_once_and_anew_when_it_changed(web, table):
    first = on_disk(f"{web}/table.csv")
    assert on_disk(f"{web}/table.csv") == first and first.name == "table.csv"
    assert [command for command, _ in Handler.asked].count("GET") == 1
    table.write_text(ROWS.replace("odd", "ODD"))
    os.utime(table, (1, 1))
    assert "ODD" in on_disk(f"{web}/table.csv").read_text() and "ODD" not in first.read_text()


@pytest.mark.parametrize("setting", ["dated", "heads"])
def test_a_server_that_tells_little_costs_only_time(setting, web, table, monkeypatch):
    monkeypatch.setattr(Handler, setting, False)
    first = on_disk(f"{web}/table.csv")
    assert on_disk(f"{web}/table.csv") == first
    table.write_text(ROWS.replace("odd", "ODD"))
    os.utime(table, (1, 1))
    assert "ODD" in on_disk(f"{web}/table.csv").read_text()


def test_what_changes_meanwhile_is_refused(memory, photos, monkeypatch):
    files = fsspec.filesystem("memory")
    upload(photos, f"{memory}/photos")
    whole = type(files).get_file

    def meddled(self, *given, **more):
        whole(self, *given, **more)
        self.pipe_file("/bucket/predictions/photos/cat/1.png", picture(50))

    monkeypatch.setattr(type(files), "get_file", meddled)
    with pytest.raises(DataError, match="changed while it was fetched"):
        on_disk(f"{memory}/photos")
    monkeypatch.undo()
    assert (on_disk(f"{memory}/photos") / "cat/1.png").read_bytes() == picture(50)


@pytest.mark.parametrize("seed", range(3))
def test_a_failing_store_gives_the_data_or_an_error_never_half(seed, faulty, photos):
    upload(photos, "faulty://bucket/photos")
    faulty.begin_again(seed, 0.5)
    for _ in range(30):
        try:
            copy = on_disk("faulty://bucket/photos")
            break
        except (DataError, StoreError):
            continue
    found = {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*.png")}
    assert found == {path.relative_to(photos): path.read_bytes() for path in photos.rglob("*.png")}
    faulty.chance = 0.0
    assert on_disk("faulty://bucket/photos") == copy  # which tells nothing but sizes, so it is known by its content


def test_what_is_kept_of_a_broken_copy_is_not_fetched_again(memory, photos, monkeypatch):
    files = fsspec.filesystem("memory")
    upload(photos, f"{memory}/photos")
    whole, fetched = type(files).get_file, []

    def breaking(self, path, *given, **more):
        if len(fetched) == 5:
            raise PermissionError("no more")
        fetched.append(path)
        whole(self, path, *given, **more)

    monkeypatch.setattr("zoo.data.copies.AT_ONCE", 1)
    monkeypatch.setattr(type(files), "get_file", breaking)
    with pytest.raises(StoreError, match="no more"):
        on_disk(f"{memory}/photos")
    monkeypatch.setattr(type(files), "get_file", lambda self, path, *a, **k: (fetched.append(path), whole(self, path, *a, **k)))
    on_disk(f"{memory}/photos")
    assert len(fetched) == len(set(fetched)) == 8


def test_offline_the_last_copy_is_taken_and_the_record_says_so(web, table, monkeypatch):
    address = f"{web}/table.csv"
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(DataError, match="ZOO_OFFLINE forbids"):
        run(f"csv:{address}")
    monkeypatch.delenv("ZOO_OFFLINE")
    online = run(f"csv:{address}")
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.warns(UserWarning, match="the copy of"):
        offline = run(f"csv:{address}")
    assert offline.results == online.results and any("ZOO_OFFLINE" in text for text in offline.remarks)


def test_secrets_of_data_are_in_no_record(web, table, zoo_home):
    record = run(f"csv:{web}/table.csv?X-Amz-Signature=geheim")
    assert "geheim" not in record.model_dump_json() and record.dataset.name.endswith("table.csv?X-Amz-Signature=***")
    kept = [path for path in zoo_home.rglob("*") if path.is_file() and b"geheim" in path.read_bytes()]
    assert not kept
    with pytest.raises(DataError, match="without its secrets"):
        zoo.dataset(record.dataset.name)


@pytest.mark.parametrize("address", ["memory://bucket/nothing", "s3://bucket/nothing"])
def test_where_nothing_is_that_is_said(address, request):
    request.getfixturevalue("s3" if address.startswith("s3") else "memory")
    with pytest.raises(DataError, match="there is nothing at"):
        zoo.dataset(f"csv:{address}")


def test_a_server_that_has_not_the_file_says_so(web):
    with pytest.raises(DataError, match=r"cannot fetch http.*404"):
        zoo.dataset(f"csv:{web}/nothing.csv")


@pytest.mark.parametrize("path", ["..%2F..%2F..%2Fevil.csv", "a/..%2f", "%00.csv"])
def test_no_web_address_leads_out_of_the_copy(path, web, tmp_path, zoo_home, monkeypatch):
    (tmp_path / "served.csv").write_text(ROWS)
    monkeypatch.setattr(Handler, "translate_path", lambda self, _: str(tmp_path / "served.csv"))
    before = set(tmp_path.rglob("*.csv"))
    copy = on_disk(f"{web}/{path}")
    assert copy.read_text() == ROWS and zoo_home / "cache" / "copies" in copy.resolve().parents
    assert all(zoo_home / "cache" / "copies" in made.parents for made in set(tmp_path.rglob("*.csv")) - before)


def test_no_name_leads_out_of_the_copy(faulty):
    faulty.objects |= {"bucket/photos/cat/../../../../evil.png": b"x", "bucket/photos/cat/1.png": b"x"}
    with pytest.raises(DataError, match="would be written elsewhere"):
        on_disk("faulty://bucket/photos")


@pytest.mark.parametrize("place", ["memory", pytest.param("web", marks=pytest.mark.slow)])
def test_weights_elsewhere_are_those_weights(place, request, tmp_path):
    network = zoo.load("intro/logistic")
    torch.nn.init.normal_(next(network.parameters()), generator=torch.Generator().manual_seed(0))
    save_state(tmp_path / "own.safetensors", network.state_dict())
    base = request.getfixturevalue(place)
    if place == "memory":
        upload(tmp_path, base)
    address = f"{base}/own.safetensors"
    near = zoo.evaluate("intro/logistic", "digits", weights=tmp_path / "own.safetensors", progress=False)
    far = zoo.evaluate("intro/logistic", "digits", weights=address, progress=False)
    assert (far.key, far.results, far.model.weights_sha256) == (near.key, near.results, near.model.weights_sha256)
    assert far.model.weights_uri == address and far.model.label == near.model.label
    loaded = zoo.load("intro/logistic", weights=address).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in network.state_dict().items())


def test_weights_that_are_nowhere_are_named(memory):
    with pytest.raises(WeightsError, match="there is nothing at memory://"):
        zoo.evaluate("intro/logistic", "digits", weights=f"{memory}/no.pth", progress=False)


def test_a_training_would_record_secrets_and_is_refused(web, table):
    with pytest.raises(OptionError, match="would tell the secrets") as caught:
        zoo.train("intro/mlp-digits", dataset=f"csv:{web}/table.csv?signature=geheim")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a:b", [("a", "b")]),
        ("a:b:c", [("a", "b:c"), ("a:b", "c")]),
        ("s3://x/a:s3://x/b", [("s3://x/a", "s3://x/b")]),
        ("a:https://host:8080/b.json", [("a", "https://host:8080/b.json")]),
        ("https://host:8080/a:b", [("https://host:8080/a", "b")]),
        ("s3://x/a", []),
        (":a", []),
        ("a:", []),
    ],
)
def test_two_places_are_parted_but_not_within_an_address(text, pairs):
    assert parted(text) == pairs


def test_images_and_their_masks_may_lie_apart(memory, photos, tmp_path):
    from PIL import Image

    for path in photos.rglob("*.png"):
        mask = tmp_path / "masks" / path.relative_to(photos)
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), int(path.stem) % 2).save(mask)
    upload(tmp_path / "masks", f"{memory}/masks")
    near, far = (zoo.dataset(f"masks:{photos}:{masks}") for masks in (tmp_path / "masks", f"{memory}/masks"))
    assert far.fingerprint == near.fingerprint and torch.equal(torch.as_tensor(far[3].target), torch.as_tensor(near[3].target))


def test_images_and_their_boxes_may_lie_apart(web, photos, tmp_path):
    told = {
        "images": [{"id": 1, "file_name": "cat/1.png", "height": 8, "width": 8}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(told))
    near, far = (zoo.dataset(f"coco:{photos}:{boxes}") for boxes in (tmp_path / "boxes.json", f"{web}/boxes.json"))
    assert far.fingerprint == near.fingerprint and far.ids == near.ids


def test_a_declared_file_may_lie_at_an_address_and_is_held_to_its_hash(memory, table):
    upload(table.parent, memory)
    declared = {"sha256": hashlib.sha256(ROWS.encode()).hexdigest(), "name": "table.csv", "kind": "data"}
    assert fetch(f"{memory}/table.csv", **declared).read_text() == ROWS
    fsspec.filesystem("memory").pipe_file("/bucket/predictions/table.csv", ROWS.upper().encode())
    with pytest.raises(DataError, match="as declared") as caught:
        fetch(f"{memory}/table.csv", **declared)
    assert caught.value.altered
    with pytest.raises(WeightsError, match="absent and cannot be fetched: there is nothing at memory"):
        fetch(f"{memory}/no.pth", sha256=None, name="no.pth")
