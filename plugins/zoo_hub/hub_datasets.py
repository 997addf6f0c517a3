"""Datasets of Hugging Face's hub: Parquet and Arrow files from its cache, or downloaded into it, whole."""

import re
from pathlib import Path

from zoo.data import hub_errors, hub_reachable, offline_forced
from zoo.errors import DataError
from zoo.home import cache_dir

FILES = ("*.parquet", "*.arrow")
CONVERTED = "refs/convert/parquet"
"""Where the hub keeps as Parquet what publishers keep otherwise."""
NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def dataset_of_hub(name: str) -> Path:
    """The folder with the tables of `OWNER/NAME`: what the hub's cache has, else downloaded. Raises DataError."""
    begun = cache_dir("hub") / f"{name.replace('/', '--')}.begun"
    if not begun.exists() and (found := _snapshot(name, offline=True)) is not None:
        return found
    forced = offline_forced()
    if forced or not hub_reachable():
        half = "the hub's cache has it in part" if begun.exists() else "the hub's cache has no dataset of that name"
        why = "ZOO_OFFLINE forbids to ask the hub" if forced else "the hub cannot be asked: no connection"
        hint = f"get it where there is a network: hf download {name} --repo-type dataset --local-dir DIR, then hf:DIR"
        raise DataError(f"there is no folder {name}, {half}, and {why}", hint)
    begun.parent.mkdir(parents=True, exist_ok=True)
    begun.touch()  # a download that is cut off leaves some of the files, which would be taken for all
    found = _snapshot(name, offline=False)
    if found is None:
        hint = "its publisher keeps it in another format: save it as Parquet, then hf:PATH"
        raise DataError(f"the dataset {name} of the hub has neither Parquet nor Arrow files", hint)
    begun.unlink()
    return found


def _snapshot(name: str, *, offline: bool) -> Path | None:
    """The newest snapshot that has tables, as published or as the hub converted it; None where there is none."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    for revision in (None, CONVERTED):
        try:
            found = snapshot_download(
                name, repo_type="dataset", revision=revision, allow_patterns=list(FILES), local_files_only=offline
            )
        except GatedRepoError as error:
            hint = f"accept its terms at huggingface.co/datasets/{name}, then: hf auth login"
            raise DataError(f"the dataset {name} is open only to those who accept its terms", hint) from error
        except RevisionNotFoundError:
            continue
        except RepositoryNotFoundError as error:
            raise DataError(f"the hub has no public dataset {name!r}", "see huggingface.co/datasets") from error
        except hub_errors() as error:
            if offline:
                continue
            reason = str(error).strip().partition("\n")[0]
            raise DataError(f"the dataset {name} cannot be downloaded: {reason}", "try again: what is there is kept") from error
        if any(path for pattern in FILES for path in Path(found).rglob(pattern)):
            return Path(found)
    return None
