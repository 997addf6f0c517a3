"""Repositories of the Hugging Face hub: the small files that describe a model, by which its spec is made."""

import re
from collections.abc import Sequence
from pathlib import Path

from zoo.download import hub_reachable
from zoo.errors import UnknownNameError, WeightsError
from zoo.files import offline_forced


def descriptions(repository: str, names: Sequence[str]) -> tuple[Path, str]:
    """A folder with those of the files that the repository has, and its commit. From the hub, else from the hub's cache.

    Raises UnknownNameError where there is no such repository, WeightsError where the hub cannot be asked.
    """
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", repository):
        raise UnknownNameError(f"{repository!r} is neither a folder nor a repository", "write hf/OWNER/NAME or hf/FOLDER")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError

    offline = offline_forced() or not hub_reachable()
    try:
        folder = Path(snapshot_download(repository, allow_patterns=list(names), local_files_only=offline))
    except RepositoryNotFoundError as error:
        raise UnknownNameError(f"the hub has no public repository {repository!r}", "see huggingface.co/models") from error
    except (OSError, ValueError) as error:  # most of the hub's errors are OSErrors
        reason = "no connection" if offline else str(error).strip().partition("\n")[0]
        raise WeightsError(
            f"{repository} is not in the hub's cache, and the hub cannot be asked: {reason}",
            "connect, or get its files elsewhere and name their folder: hf/FOLDER",
        ) from error
    return folder, folder.name
