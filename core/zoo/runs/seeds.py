"""Seeds from (run seed, sample id): a score cannot depend on batch size, order or worker count."""

import hashlib


def sample_seed(seed: int, sample_id: str) -> int:
    """A seed in [0, 2**63) for one sample of a run."""
    digest = hashlib.blake2b(f"{seed}\0{sample_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
