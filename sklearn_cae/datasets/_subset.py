"""The values of ``subset``, shared by every loader."""

_SPLITS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}


def splits_of(subset: str) -> tuple[str, ...]:
    """Return the splits that a value of ``subset`` stands for.

    Parameters
    ----------
    subset : {"train", "test", "all"}
        What the user asked for.

    Returns
    -------
    splits : tuple of str
        "train", "test", or both in this order.

    Raises
    ------
    ValueError
        If ``subset`` is none of the three.

    Examples
    --------
    >>> from sklearn_cae.datasets._subset import splits_of
    >>> splits_of("all")
    ('train', 'test')
    """
    if subset not in _SPLITS:
        raise ValueError(
            f"subset={subset!r} is unknown. Use one of {', '.join(map(repr, _SPLITS))}."
        )
    return _SPLITS[subset]
