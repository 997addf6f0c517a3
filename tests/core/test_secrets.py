"""No password, token or signature of an address is shown, logged or recorded."""

import urllib.error

import pytest
import torch

import zoo
from zoo.data import download as downloading
from zoo.data.files import fetch
from zoo.errors import PluginError, StoreError, ZooError
from zoo.opening.composing import named_model
from zoo.opening.weights import save_state
from zoo.opening.weights_choice import Choice
from zoo.remarks import hearing, remark
from zoo.specs import ModelSpec, Weights
from zoo.wording import without_secrets

SECRET = "s3cr3t"
ADDRESSES = [
    f"https://user:{SECRET}@host/file.bin",
    f"https://{SECRET}@host/file.bin",
    f"https://{SECRET}:x-oauth-basic@host/file.bin",
    f"HTTPS://user:{SECRET}@host/file.bin",
    f"https://user:p@{SECRET}@host/",
    f"git+https://{SECRET}@host/group/name@main#egg=name",
    f"git+ssh://user:{SECRET}@host/name",
    f"ftp://user:{SECRET}@host/name",
    f"https://host/file.bin?token={SECRET}",
    f"https://host/file.bin?version=3&X-Amz-Signature={SECRET}&X-Amz-Credential={SECRET}",
    f"https://host/file.bin?a=1;sig={SECRET}",
    f"https://host/file.bin#access_token={SECRET}",
    f"/file.bin?token={SECRET}",
    f"postgresql://user:{SECRET}@host:5432/zoo",
    f"postgresql+psycopg://user:a/b?{SECRET}@host/zoo?sslmode=require",
    f"mysql://host/zoo?password={SECRET}",
    f"mssql+pyodbc:///?odbc_connect=PWD%3D{SECRET}",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("text", ["{}", "({}), and more", 'cannot open "{}": refused', "{} {}"])
def test_what_may_be_a_secret_is_not_shown(address: str, text: str) -> None:
    shown = without_secrets(text.replace("{}", address))
    assert SECRET not in shown and "***" in shown
    assert without_secrets(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://host/file.bin?version=3&download=1#sha256=ab",
        "hf://repo@revision/file.safetensors",
        "hf://group/repo@main/file.safetensors",
        "git+ssh://git@host/name@v1",
        "pkg:zoo_cnn/weights/a.safetensors",
        "file:///tmp/a@b",
        "sqlite:////tmp/zoo.db",
        "sqlite:///file:%2Ftmp%2Fzoo.db?mode=ro&uri=true",
        "postgresql://user@host/zoo",
        "does it fit? a=b, cnn/lenet5@mnist, and/or? no",
    ],
)
def test_what_is_none_stays_as_it_is(text: str) -> None:
    assert without_secrets(text) == text


def test_an_error_a_remark_and_a_warning_tell_none() -> None:
    error = PluginError(f"cannot read {ADDRESSES[0]}", f"try {ADDRESSES[8]}")
    assert SECRET not in f"{error} {error.message} {error.hint}"
    with hearing(None) as heard, pytest.warns(UserWarning) as warned:
        remark(f"taken from {ADDRESSES[0]}")
    assert SECRET not in f"{list(heard)} {[str(one.message) for one in warned]}"


@pytest.mark.parametrize("kind", ["data", "weights"])
@pytest.mark.parametrize("address", [ADDRESSES[0], ADDRESSES[8]])
def test_a_download_that_fails_tells_none(zoo_home, monkeypatch, kind, address) -> None:
    monkeypatch.setattr(downloading, "ATTEMPTS", 1)

    def refuse(request, timeout):
        assert SECRET not in request.host
        raise urllib.error.URLError(f"no route to {address}")

    monkeypatch.setattr(downloading, "urlopen", refuse)
    with pytest.raises(ZooError) as caught:
        fetch(address, sha256="0" * 64, name="file.bin", kind=kind)
    assert SECRET not in str(caught.value) and "host/file.bin" in str(caught.value)


def test_who_logs_in_is_told_to_that_server_alone(monkeypatch, tmp_path) -> None:
    asked = []

    def refuse(request, timeout):
        asked.append(request)
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(downloading, "ATTEMPTS", 1)
    monkeypatch.setattr(downloading, "urlopen", refuse)
    with pytest.raises(downloading.DownloadError):
        downloading.download("https://user:p%40ss@host:8443/file.bin", tmp_path / "file.bin", lambda path: None)
    (request,) = asked
    assert request.full_url == "https://host:8443/file.bin"
    assert request.unredirected_hdrs == {"Authorization": "Basic dXNlcjpwQHNz"} and "Authorization" not in request.headers


@pytest.mark.parametrize("url", [f"postgresql:/user:{SECRET}@host", f"nosuch://user:{SECRET}@host/zoo", f"{SECRET}"])
def test_a_store_that_cannot_be_opened_tells_none(zoo_home, monkeypatch, url) -> None:
    monkeypatch.setenv("ZOO_STORE", url)
    with pytest.raises(StoreError) as caught:
        zoo.Store()
    assert SECRET not in str(caught.value)


def test_what_a_record_says_of_weights_holds_none(tmp_path) -> None:
    address = f"https://user:{SECRET}@host/net.safetensors?token={SECRET}"
    sha256 = save_state(tmp_path / "weights" / "net.safetensors", torch.nn.Linear(2, 2).state_dict())
    own = Weights(uri=address, sha256=sha256, licence="CC0-1.0", source="nobody", classes=("a", "b"))
    common = {"name": "x/net", "summary": "Net.", "tasks": {"classify": "torch.nn:Linear"}, "modality": "vector"}
    spec = ModelSpec(**common, config={"in_features": 2, "out_features": 2}, weights={"own": own})
    model = named_model(spec, "classify", Choice("own", data_dir=tmp_path))
    assert model.weights_uri == "https://***@host/net.safetensors?token=***"
