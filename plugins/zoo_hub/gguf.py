"""Language models in GGUF, llama.cpp's format: weights, mostly quantised, tokenizer and configuration in one file.

transformers reads such a file; what it makes of it is kept in the cache, in float32, as it saves any other model.
"""

import io
import os
import shutil
import struct
from contextlib import redirect_stderr
from importlib import metadata
from pathlib import Path
from typing import Any

from zoo.data import file_sha256, package_path
from zoo.errors import ModelError, UnknownNameError, WeightsError
from zoo.home import cache_dir
from zoo.specs import ModelSpec, Weights

REQUIRES = ("gguf>=0.10", "transformers>=4.45")
WEIGHTS = "model.safetensors"
MAGIC = b"GGUF"


def resolve(name: str, file: Path) -> ModelSpec:
    """The spec of a GGUF file by name."""
    return ModelSpec(
        name=name,
        summary=f"Language model in {file.name}, dequantised",
        requires=REQUIRES,
        tasks={"generate": "zoo_hub.language:GgufLanguageModel"},
        modality="text",
        config={"source": str(file)},
        weights={
            "pretrained": Weights(
                uri=f"file:{file}",
                sha256=None,
                licence="As its model card says.",
                source=file.name,
                unpack="zoo_hub.gguf:unpacked_weights",
            )
        },
    )


def named_file(rest: str) -> Path | None:
    """The GGUF file that follows `hf/`: itself, or the only one in a folder without a model of transformers; None for others.

    Raises UnknownNameError where several are in the folder.
    """
    path = Path(rest).expanduser().absolute()
    if path.suffix == ".gguf" and path.is_file():
        return path
    if not path.is_dir() or any((path / other).is_file() for other in ("config.json", "modules.json", "model_index.json")):
        return None
    found = sorted(path.glob("*.gguf"))
    if len(found) > 1:
        names = [f"hf/{Path(rest) / file.name}" for file in found]
        raise UnknownNameError(f"{path} holds {len(found)} GGUF files", f"name one: {', '.join(names[:5])}", names)
    return found[0] if found else None


def located(source: str) -> Path:
    """The file of a source. Raises WeightsError where there is none."""
    path = package_path(source.removeprefix("pkg:"), "weights") if source.startswith("pkg:") else Path(source)
    if not path.is_file():
        raise WeightsError(f"there is no file {path}", "name a GGUF file, or the folder that holds it")
    return path


def unpacked_weights(file: Path) -> tuple[Path, str]:
    """The dequantised weights of a GGUF file, and their SHA-256 when they were made."""
    folder = unpacked(file)
    return folder / WEIGHTS, (folder / "sha256").read_text()


def unpacked(file: Path) -> Path:
    """The folder of what transformers makes of a GGUF file: configuration, tokenizer, weights in float32. Made once.

    It is named by the file's content and the version of transformers. Raises WeightsError for what is no GGUF file, and
    ModelError for one of an architecture that transformers does not know.
    """
    folder = cache_dir("unpacked") / f"{file_sha256(file)[:16]}-{metadata.version('transformers')}"
    if folder.is_dir():
        return folder
    with open(file, "rb") as opened:
        start = opened.read(8)
    if start[:4] != MAGIC or len(start) < 8:
        raise WeightsError(f"{file} is no GGUF file: it begins with {start[:4].hex(' ')}", "get the file anew")
    made = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(made, ignore_errors=True)  # of a process that died
    made.mkdir(parents=True)
    try:
        _convert(file, made, struct.unpack("<I", start[4:])[0])
        if not folder.is_dir():  # of another process that was faster
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return folder


def _convert(file: Path, folder: Path, version: int) -> None:
    import torch
    import transformers

    from zoo_hub.folder import quiet

    auto: Any = transformers
    try:
        with quiet(), redirect_stderr(io.StringIO()):  # its progress bar asks nobody
            where = {"gguf_file": file.name, "local_files_only": True}
            tokenizer = auto.AutoTokenizer.from_pretrained(file.parent, **where)
            network = auto.AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **where)
            network.hf_quantizer = None  # it is quantised no more
            network.config.__dict__.pop("quantization_config", None)
            tokenizer.save_pretrained(folder)
            network.save_pretrained(folder)
    except (ValueError, OSError, KeyError, ImportError, TypeError, AttributeError, NotImplementedError, IndexError) as error:
        raise ModelError(
            f"transformers cannot read {file.name} (GGUF version {version}): {' '.join(str(error).split())[:200]}",
            "see that the file is whole, and a causal language model that transformers knows in GGUF",
        ) from error
    (folder / "sha256").write_text(file_sha256(folder / WEIGHTS))
