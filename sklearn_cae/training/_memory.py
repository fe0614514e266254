"""Memory that a step of a training frees, kept for the next step."""

import torch

# Just below the largest block that counts for glibc.
BLOCK = 31 << 20


def keep_freed_memory():
    """Let the C library keep what a step frees, as it does once a large array has been freed.

    glibc returns freed memory to the system beyond twice the size of the largest block, of up to
    32 MiB, that was ever freed. The maps of a step would be returned and asked for again, which
    takes up to a tenth of a training. The block that is freed here is never written to, and costs
    nothing; other C libraries do not heed it.

    References
    ----------
    mallopt(3), M_MMAP_THRESHOLD.
    """
    torch.empty(BLOCK, dtype=torch.uint8)
